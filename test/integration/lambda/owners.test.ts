import { describe, expect, it } from "vitest";
import { examine } from "../../../lib/cli/checks.ts";
import { defineJob } from "../../../lib/core/define.ts";
import { recover } from "../../../lib/db/protocol/leases.ts";
import { wakeWanted } from "../../../lib/db/protocol/wake.ts";
import { unservedTypes } from "../../../lib/db/reads/waiting-types.ts";
import { adopt } from "../../../lib/db/schema/owners.ts";
import type { Deps } from "../../../lib/queue/deps.ts";
import { enqueueJobs } from "../../../lib/queue/enqueue/enqueue-jobs.ts";
import { dispatch } from "../../../lib/queue/lambda/dispatch.ts";
import { runInvocation } from "../../../lib/queue/lambda/run-invocation.ts";
import { pauseQueue, resumeQueue, setQueue } from "../../../lib/queue/manage/manage-queues.ts";
import { syncDefinitions } from "../../../lib/queue/manage/sync-definitions.ts";
import { fireSchedules } from "../../../lib/queue/schedule/fire-schedules.ts";
import { tick } from "../../../lib/queue/schedule/tick.ts";
import { plain, setup, type Setup } from "../../support/queue.ts";

const hourly = { name: "hourly", cron: "0 * * * *", timezone: "UTC", payload: {} };
const invoice = defineJob({ type: "send_invoice", queue: "invoices", payload: plain.payload, schedules: [hourly] });
const A = "shop-prod";
const B = "billing-prod";

/** A service of its own on the database: it may invoke its own functions, as IAM has it, which run in this process. */
const serviceOf = (s: Setup, owner: string, types: readonly (typeof plain)[]) => {
  const invoked: string[] = [];
  const [service = "", stage = ""] = owner.split("-");
  const deps: Deps = {
    ...s.deps,
    sleep: () => Promise.resolve(),
    config: {
      ...{ service, stage, owner, wakeMode: "always", dispatcherFunction: `${owner}-dispatcher` },
      handlerFunction: (type) => `${owner}-handler-${type}`,
    },
    invoker: {
      invoke: async (name, event) => {
        invoked.push(name);
        const type = types.find((each) => name === `${owner}-handler-${each.type}`);
        if (name !== `${owner}-dispatcher` && type === undefined)
          return { outcome: "refused" as const, message: "HTTP 403" };
        if (type !== undefined)
          await runInvocation(deps, type, () => Promise.resolve(owner), {
            ...{ leaseId: (event as { lease_id: string }).lease_id, invocation: "i", remainingMs: () => 60_000 },
          });
        return { outcome: "accepted" as const };
      },
    },
  };
  return { deps, invoked, dispatch: () => dispatch(deps, {}, () => 25_000) };
};

/** Two services in one database. */
const two = async () => {
  const s = await setup({ owner: A });
  await syncDefinitions(s.db, [invoice], [], s.at(0), B);
  const [shop, billing] = [serviceOf(s, A, [plain]), serviceOf(s, B, [invoice])];
  const results = () =>
    s.db.query<{ type: string; state: string; result: unknown; n: number }>(
      "select type, state, result, count(*)::int as n from forgeq.jobs group by 1, 2, 3 order by 1, 2",
    );
  return { ...s, shop, billing, results };
};

describe("two services in one database", () => {
  it("each run their own jobs, and leave the other's alone", async () => {
    const { shop, billing, results, db } = await two();
    await enqueueJobs(
      shop.deps,
      Array.from({ length: 20 }, () => ({ type: "plain", payload: {} })),
    );
    await enqueueJobs(
      billing.deps,
      Array.from({ length: 20 }, () => ({ type: "send_invoice", payload: {} })),
    );

    await shop.dispatch();
    expect(await results()).toEqual([
      { type: "plain", state: "completed", result: A, n: 20 },
      { type: "send_invoice", state: "pending", result: null, n: 20 },
    ]);
    await billing.dispatch();
    expect(await results()).toMatchObject([
      { result: A },
      { type: "send_invoice", state: "completed", result: B, n: 20 },
    ]);
    // Nobody tried what it may not.
    expect([...shop.invoked, ...billing.invoked].filter((name) => /shop.*invoice|billing.*plain/.test(name))).toEqual(
      [],
    );
    expect(await db.query("select from forgeq.job_attempt")).toEqual([]);
    expect(await db.query("select owner from forgeq.queue order by name")).toEqual([{ owner: B }, { owner: A }]);
  });

  it("take back their own leases, fire their own schedules, and say so each for itself", async () => {
    const s = await two();
    const { shop, billing, db, at, moveTo } = s;
    await enqueueJobs(shop.deps, [{ type: "plain", payload: {} }]);
    await enqueueJobs(billing.deps, [{ type: "send_invoice", payload: {} }]);
    await s.queue.claim();
    await s.queue.claim(1, "invoices");
    moveTo(4_000);
    const late = { ...shop.deps, clock: () => at(4_000) };
    expect((await tick(late, () => 60_000)).leasesRecovered).toBe(1);
    expect(await db.query("select queue from forgeq.lease")).toEqual([{ queue: "invoices" }]);
    expect(await fireSchedules(late, () => false)).toMatchObject({ schedules: 0, jobs: 0 });
    expect(await fireSchedules({ ...billing.deps, clock: () => at(4_000) }, () => false)).toMatchObject({
      schedules: 1,
    });
    expect(await recover(db, 10, at(4_000), B)).toMatchObject({ leases: 1 });
    expect(await db.query("select owner from forgeq.wake where seen_at is not null")).toEqual([{ owner: A }]);
  });

  it("have a marker each: a dispatcher of the one swallows no wake of the other", async () => {
    const { db, at } = await two();
    expect(await wakeWanted(db, 0, at(0), A)).toBe(true);
    expect(await wakeWanted(db, 0, at(0), A)).toBe(false);
    expect(await wakeWanted(db, 0, at(0), B)).toBe(true);
    expect(await wakeWanted(db, 0, at(0))).toBe(true);
  });

  it("migrate without taking away what the other declares", async () => {
    const { db, at } = await two();
    await syncDefinitions(db, [plain], [], at(0), A);
    expect(await db.query("select name, declared from forgeq.queue order by name")).toEqual([
      { name: "invoices", declared: true },
      { name: "plain", declared: true },
    ]);
    expect(await db.query("select name from forgeq.schedule")).toEqual([{ name: "hourly" }]);
  });

  it("share no type and no queue: migrate refuses it, and so does an operator's list", async () => {
    const s = await two();
    await expect(syncDefinitions(s.db, [plain], [], s.at(0), B)).rejects.toMatchObject({
      code: "illegal_state",
      message: expect.stringContaining("the type plain belongs to shop-prod") as string,
    });
    const intruder = defineJob({ type: "other", queue: "plain", payload: plain.payload });
    await expect(syncDefinitions(s.db, [intruder], [], s.at(0), B)).rejects.toThrow(
      "the queue plain belongs to shop-prod",
    );
    expect(await s.db.query("select from forgeq.job_type where type = 'other'")).toEqual([]);
    await expect(setQueue(s.deps, "plain", { types: ["send_invoice"] })).rejects.toMatchObject({
      code: "invalid_queue",
    });
    await setQueue(s.deps, "rush", { types: ["send_invoice"] });
    expect(await s.db.query("select owner from forgeq.queue where name = 'rush'")).toEqual([{ owner: B }]);
  });
});

describe("a copy of production's database", () => {
  it("starts no handler of another stage, nor of a process without one, until it is adopted", async () => {
    const s = await setup({ owner: A });
    await s.queue.enqueue(5);
    for (const owner of ["shop-dev", ""]) {
      const copy = serviceOf(s, owner, [plain]);
      await copy.dispatch();
      await tick(copy.deps, () => 60_000);
      expect(copy.invoked.filter((name) => name.includes("handler"))).toEqual([]);
    }
    expect(await s.db.query("select state from forgeq.jobs group by state")).toEqual([{ state: "pending" }]);

    expect(await adopt(s.db, { from: A, to: "shop-dev", force: false, discardJobs: false })).toEqual({
      ...{ types: 1, queues: 1, waiting: 5, cancelled: 0 },
    });
    const copy = serviceOf(s, "shop-dev", [plain]);
    await copy.dispatch();
    expect(await s.db.query("select state, count(*)::int as n from forgeq.jobs group by state")).toEqual([
      { state: "completed", n: 5 },
    ]);
  });

  it("is not adopted while the owner's dispatcher or tick ran within three minutes, unless forced; jobs can be discarded", async () => {
    const s = await setup({ owner: A, realClock: true });
    await serviceOf(s, A, [plain]).dispatch();
    await s.queue.enqueue(3);
    const adoption = { from: A, to: null, force: false, discardJobs: true };
    await expect(adopt(s.db, adoption)).rejects.toMatchObject({ code: "illegal_state" });
    expect(await s.db.query("select state from forgeq.jobs group by state")).toEqual([{ state: "pending" }]);
    await expect(adopt(s.db, { ...adoption, from: "nobody" })).rejects.toThrow("the owners are shop-prod");

    await s.db.query("update forgeq.wake set seen_at = seen_at - interval '3 minutes'");
    await tick(serviceOf(s, A, [plain]).deps, () => 60_000);
    await expect(adopt(s.db, adoption)).rejects.toThrow(/ran \d s ago/);
    expect(await adopt(s.db, { ...adoption, force: true })).toEqual({ types: 1, queues: 1, waiting: 0, cancelled: 3 });
    expect(await s.db.query("select owner from forgeq.job_type union select owner from forgeq.queue")).toEqual([
      { owner: null },
    ]);
  });
});

describe("a type that nobody takes", () => {
  it("is told after ten minutes, not where its queue is paused, full or the type blocked, nor while it is served", async () => {
    const s = await setup({ owner: A });
    await s.queue.enqueue(3);
    const told = (seconds: number, owner: string | null = A) => unservedTypes(s.db, s.at(seconds), owner);
    expect(await told(599)).toEqual([]);
    expect(await told(601)).toEqual([{ queue: "plain", type: "plain", seconds: 601 }]);
    expect(await told(601, B)).toEqual([]);

    await pauseQueue(s.deps, "plain");
    expect(await told(601)).toEqual([]);
    await resumeQueue(s.deps, "plain");
    await s.db.query("insert into forgeq.type_block (type, since, probe_at) values ('plain', now(), now())");
    expect(await told(601)).toEqual([]);
    await s.db.query("delete from forgeq.type_block");

    s.moveTo(300);
    const held = await s.queue.lease(1);
    expect(await told(601)).toEqual([]);
    await setQueue(s.deps, "plain", { maxInFlight: 1 });
    s.moveTo(301);
    await s.queue.settle(held, "completed");
    expect(await told(601)).toEqual([]);
    expect(await told(902)).toHaveLength(1);
  });

  it("is a problem of doctor, which names the owner of a copy's types", async () => {
    const s = await setup({ owner: A, realClock: true });
    const found = async () =>
      (await examine({ url: s.url, driver: "pg" }, ["plain"], "always", {}, "shop-dev")).find(
        ({ check }) => check === "owners",
      );
    expect(await found()).toMatchObject({
      level: "warning",
      found: expect.stringContaining("plain belong to shop-prod") as string,
      cure: expect.stringContaining("--adopt-from shop-prod") as string,
    });
    await s.queue.enqueue(1, { runAt: new Date(Date.now() - 700_000) });
    expect(await found()).toMatchObject({
      level: "problem",
      found: expect.stringContaining("plain in plain (70") as string,
    });
  });
});
