import { describe, expect, it } from "vitest";
import { createHandler } from "../../../functions/api.ts";
import { revive } from "../../../lib/db/reads/jobs.ts";
import { retryJob } from "../../../lib/queue/manage/retry-job.ts";
import { ALL_SCOPES, send } from "../../support/http/http.ts";
import { type Setup, setup } from "../../support/queue.ts";

/** A job that is dead in its first life, and the API on its database. */
const deadJob = async () => {
  const s = await setup();
  const [id = ""] = await s.queue.enqueue();
  await die(s);
  const handler = createHandler(s.deps, ALL_SCOPES);
  const retry = (body?: unknown) => send(handler, { path: `/jobs/${id}/retry`, method: "POST", body });
  return { ...s, id, retry };
};

const die = async ({ queue }: Setup): Promise<void> => {
  await queue.settle(await queue.lease(), "dead", { error: { name: "Error", message: "no" } });
};

describe("a retry by hand that names a life", () => {
  it("makes the next life, which the answer names", async () => {
    const { retry, id } = await deadJob();
    expect(await retry({ life: 1 })).toMatchObject({
      status: 200,
      body: { id, state: "pending", life: 2, attempt: 0 },
    });
  });

  it("runs the job once more however often it is sent, whatever became of that life meanwhile", async () => {
    const s = await deadJob();
    await s.retry({ life: 1 });
    expect(await s.retry({ life: 1 })).toMatchObject({ status: 200, body: { life: 2, state: "pending" } });
    await die(s);
    expect(await s.retry({ life: 1 })).toMatchObject({ status: 200, body: { life: 2, state: "dead" } });
    expect(await s.queue.get(s.id)).toMatchObject({ state: "dead", life: 2 });
    expect(await s.retry({ life: 2 })).toMatchObject({ status: 200, body: { life: 3 } });
    expect(await s.retry({ life: 1 })).toMatchObject({
      status: 409,
      body: { code: "stale_life", life: 3, state: "pending" },
    });
  });

  it("changes nothing where that life is still to come", async () => {
    const { retry, queue, id } = await deadJob();
    expect(await retry({ life: 2 })).toMatchObject({
      status: 409,
      body: { code: "stale_life", life: 1, state: "dead" },
    });
    expect(await queue.get(id)).toMatchObject({ state: "dead", life: 1 });
  });

  it("is refused by the state of the newest life, where that is the one named", async () => {
    const { retry } = await deadJob();
    await retry({ life: 1 });
    expect(await retry({ life: 2 })).toMatchObject({ status: 409, body: { code: "illegal_state", state: "pending" } });
  });

  it("may be left out: then the newest life is retried", async () => {
    const s = await deadJob();
    expect(await s.retry()).toMatchObject({ status: 200, body: { life: 2 } });
    await die(s);
    expect(await s.retry({})).toMatchObject({ status: 200, body: { life: 3 } });
  });

  it("gives ten concurrent callers the same new life", async () => {
    const { deps, db, id } = await deadJob();
    const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => retryJob(deps, id, { life: 1 })));
    for (const outcome of outcomes) expect(outcome).toMatchObject({ status: "fulfilled", value: { life: 2 } });
    expect(await db.query("select life from forgeq.job")).toEqual([{ life: 2 }]);
  });
});

describe("forgeq.retry", () => {
  it("gives its first answer again, and says which other life is stale", async () => {
    const s = await deadJob();
    const outcome = async (life: number) => (await revive(s.db, s.id, life, s.at(1))).outcome;
    expect(await outcome(2)).toBe("stale");
    expect(await outcome(1)).toBe("retried");
    expect(await outcome(1)).toBe("retried");
    expect(await outcome(2)).toBe("live");
    expect(await outcome(3)).toBe("stale");
    s.moveTo(2);
    await die(s);
    expect(await outcome(1)).toBe("retried");
    expect(await outcome(2)).toBe("retried");
    expect(await outcome(1)).toBe("stale");
    expect(await s.db.query("select life from forgeq.job")).toEqual([{ life: 3 }]);
  });
});
