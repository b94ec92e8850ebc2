import { describe, expect, it } from "vitest";
import * as z from "zod";
import { defineJob } from "../../../lib/core/define.ts";
import { createApi } from "../../../lib/functions/create-api.ts";
import { eventOf, ALL_SCOPES, CONTEXT } from "../../support/http/http.ts";
import { setup } from "../../support/queue.ts";

const strict = defineJob({ type: "plain", queue: "plain", payload: z.object({ n: z.number() }) });
const UNKNOWN = "019ab000-0000-7000-8000-00000000000a";

const api = async () => {
  const s = await setup();
  const handler = createApi(s.deps, ALL_SCOPES, () => Promise.resolve([strict]));
  const ask = async (method: string, path: string, body?: unknown) => {
    const { statusCode, body: text = "" } = await handler(eventOf({ method, path, body }), { ...CONTEXT });

    return { status: statusCode, body: text === "" ? null : JSON.parse(text) };
  };
  const [waiting] = await s.queue.enqueue(1, { delaySeconds: 60, metadata: { tenant: "a" } });
  const [dead] = await s.queue.enqueue(1);
  await s.queue.settle(await s.queue.lease(), "dead", { error: { name: "Error", message: "no" } });
  return { ...s, ask, waiting: waiting!, dead: dead! };
};

describe("POST /jobs/{id}/retry with a payload", () => {
  it("runs the new life with it, and keeps the old one's", async () => {
    const { ask, dead, db } = await api();
    expect(await ask("POST", `/jobs/${dead}/retry`, { life: 1, payload: { n: 7 } })).toMatchObject({
      status: 200,
      body: { life: 2, payload: { n: 7 } },
    });
    expect(await db.query("select payload from forgeq.job_history")).toEqual([{ payload: { n: 0 } }]);
  });

  it("refuses one that does not fit the type", async () => {
    const { ask, dead } = await api();
    expect(await ask("POST", `/jobs/${dead}/retry`, { payload: { n: "x" } })).toMatchObject({
      status: 422,
      body: { code: "invalid_payload", errors: [{ pointer: "/payload/n" }] },
    });
    expect(await ask("GET", `/jobs/${dead}`)).toMatchObject({ body: { state: "dead", life: 1 } });
  });
});

describe("POST /jobs/{id}/reschedule", () => {
  it("moves a job that waits", async () => {
    const { ask, waiting, at } = await api();
    const moved = { status: 200, body: { state: "scheduled", run_at: at(3600).toISOString(), priority: 1 } };
    const to = { run_at: at(3600).toISOString(), priority: 1 };
    expect(await ask("POST", `/jobs/${waiting}/reschedule`, to)).toMatchObject(moved);
    expect(await ask("POST", `/jobs/${waiting}/reschedule`, to)).toMatchObject(moved);
    expect(await ask("POST", `/jobs/${waiting}/reschedule`, { delay_seconds: 0 })).toMatchObject({
      body: { state: "pending" },
    });
  });

  it("refuses what has ended, what is not there, and what is no instant", async () => {
    const { ask, waiting, dead } = await api();
    expect(await ask("POST", `/jobs/${dead}/reschedule`, { delay_seconds: 1 })).toMatchObject({
      status: 409,
      body: { code: "illegal_state", state: "dead" },
    });
    expect(await ask("POST", `/jobs/${UNKNOWN}/reschedule`, { delay_seconds: 1 })).toHaveProperty("status", 404);
    for (const body of [
      {},
      { run_at: "soon" },
      { delay_seconds: -1 },
      { priority: 10 },
      { run_at: "2999-01-01T00:00:00Z" },
    ])
      expect(await ask("POST", `/jobs/${waiting}/reschedule`, body)).toMatchObject({
        status: 422,
        body: { code: "invalid_job" },
      });
  });
});

describe("POST /jobs/{id}/clone", () => {
  it("enqueues a job like the other one, which it names", async () => {
    const { ask, waiting } = await api();
    const { status, body } = await ask("POST", `/jobs/${waiting}/clone`);
    expect({ status, body }).toMatchObject({
      status: 201,
      body: { type: "plain", state: "pending", metadata: { tenant: "a", cloned_from: waiting }, life: 1 },
    });
    expect(body.id).not.toBe(waiting);
    const edited = await ask("POST", `/jobs/${waiting}/clone`, { payload: { n: 9 }, delay_seconds: 30 });
    expect(edited).toMatchObject({ status: 201, body: { state: "scheduled" } });
    expect(await ask("GET", `/jobs/${edited.body.id}`)).toMatchObject({ body: { payload: { n: 9 } } });
  });

  it("refuses a payload that does not fit, a job without one, and what is not there", async () => {
    const { ask, dead, db } = await api();
    expect(await ask("POST", `/jobs/${dead}/clone`, { payload: {} })).toMatchObject({
      status: 422,
      body: { code: "invalid_payload" },
    });
    await db.query("update forgeq.job_history set payload = null");
    expect(await ask("POST", `/jobs/${dead}/clone`)).toMatchObject({ status: 409, body: { code: "payload_gone" } });
    expect(await ask("POST", `/jobs/${UNKNOWN}/clone`)).toHaveProperty("status", 404);
    expect(await db.query("select id from forgeq.job")).toHaveLength(1);
  });
});

describe("DELETE /jobs/{id}", () => {
  it("forgets a finished job, and is 204 again", async () => {
    const { ask, dead } = await api();
    for (let n = 0; n < 2; n += 1) expect(await ask("DELETE", `/jobs/${dead}`)).toEqual({ status: 204, body: null });
    expect(await ask("GET", `/jobs/${dead}`)).toHaveProperty("status", 404);
  });

  it("refuses a live one", async () => {
    const { ask, waiting } = await api();
    expect(await ask("DELETE", `/jobs/${waiting}`)).toMatchObject({
      status: 409,
      body: { code: "illegal_state", state: "scheduled" },
    });
  });
});

describe("100 parallel retries with one life", () => {
  it("are one new life, and so is one that is sent again and again while the job completes", async () => {
    const { ask, dead, queue, db } = await api();
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => ask("POST", `/jobs/${dead}/retry`, { life: 1 })),
    );
    for (const answer of answers) expect(answer).toMatchObject({ status: 200, body: { life: 2 } });
    for (let n = 0; n < 60; n += 1) {
      if (n === 1) await queue.settle(await queue.lease(), "completed");
      expect(await ask("POST", `/jobs/${dead}/retry`, { life: 1 })).toMatchObject({ status: 200, body: { life: 2 } });
    }
    expect(await db.query("select life, state::text from forgeq.job_history order by life")).toEqual([
      { life: 1, state: "dead" },
      { life: 2, state: "completed" },
    ]);
  });
});
