import { describe, expect, it } from "vitest";
import { createHandler } from "../../../functions/api.ts";
import { defineJob } from "../../../lib/core/define.ts";
import { showJob } from "../../../lib/cli/show-job.ts";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import { settle } from "../../../lib/db/protocol/settle.ts";
import { settleAndTake } from "../../../lib/db/protocol/take.ts";
import { nextDue, nextEvent } from "../../../lib/db/protocol/wake.ts";
import { getJob, listJobs } from "../../../lib/queue/manage/read-jobs.ts";
import { queueStats } from "../../../lib/queue/observe/queue-stats.ts";
import { tick } from "../../../lib/queue/schedule/tick.ts";
import { openWith } from "../../support/database/drivers.ts";
import { violations } from "../../support/database/invariants.ts";
import { ALL_SCOPES, CONTEXT, eventOf, send } from "../../support/http/http.ts";
import { plain, type Setup, setup } from "../../support/queue.ts";
import { histories, setupWorkers } from "../../support/worker/worker.ts";
import * as z from "zod";

const PAST = ["-infinity", "4713-01-01 00:00:00+00 BC", "0001-01-01 00:00:00+00"];
const NEVER = ["infinity", "294276-12-31 23:59:59+00", "10000-01-01 00:00:00+00"];
const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const PARTS = { payload: true, result: true, attempts: true };

/** A job for each instant, written into the table by hand, as an update or a trigger of somebody's would. */
const byHand = async ({ db, queue }: Setup, instants: readonly string[]): Promise<string[]> => {
  const ids = await queue.enqueue(instants.length);
  for (const [n, instant] of instants.entries())
    await db.query("update forgeq.job set run_at = $2::timestamptz where id = $1", [ids[n], instant]);
  return ids;
};

const api = (s: Setup) => {
  const handler = createHandler(s.deps, ALL_SCOPES);
  return (path: string, query = "") => send(handler, { path, query });
};

const metricsOf = async (s: Setup): Promise<string> => {
  const handler = createHandler(s.deps, ALL_SCOPES);
  const { body } = await handler(eventOf({ path: "/metrics" }), { ...CONTEXT });
  return body ?? "";
};

/** A queue's job that is due in 30 s, beside which the odd ones are. */
const ordinary = ({ queue, at }: Setup) => queue.enqueue(1, { runAt: at(30) });

describe.each(["pg", "neon"] as const)("a job whose run_at was set by hand to what has no end, over %s", (driver) => {
  const odd = async () => {
    const own = await setup();
    const db = await openWith(driver, own.url);
    const s: Setup = { ...own, deps: { ...own.deps, db } };
    const ids = await byHand(s, [...PAST, ...NEVER]);
    await ordinary(s);
    return { s, ids };
  };

  it("is shown by lists and by its id, with instants that RFC 3339 can write", async () => {
    const { s, ids } = await odd();
    const get = api(s);
    const { status, body } = await get("/jobs", "include=payload,result,attempts");
    expect([status, body.data.length]).toEqual([200, 7]);
    for (const job of body.data) expect([job.run_at, job.created_at], job.id).toEqual([expect.stringMatching(RFC_3339), expect.stringMatching(RFC_3339)]); // prettier-ignore
    for (const [n, id] of ids.entries()) {
      expect(await get(`/jobs/${id}`)).toMatchObject({
        status: 200,
        body: { state: n < PAST.length ? "pending" : "scheduled" },
      });
      expect(showJob((await getJob(s.deps, id))!)).toContain(id);
    }
    for (const state of ["pending", "scheduled"] as const)
      expect((await listJobs(s.deps, { states: [state], limit: 100, after: null, include: PARTS })).jobs.length).toBe(
        state === "pending" ? 3 : 4,
      );
  });

  it("is counted by stats, queues and metrics, with an age that ends", async () => {
    const { s } = await odd();
    const get = api(s);
    expect(await queueStats(s.deps)).toMatchObject([{ pending: 3, scheduled: 4, oldestPendingSeconds: 315_576_000 }]);
    expect(await get("/queues")).toMatchObject({
      status: 200,
      body: { data: [{ jobs: { pending: 3, scheduled: 4 } }] },
    });
    expect(await get("/queues/plain")).toMatchObject({
      status: 200,
      body: { oldest_pending_age_seconds: 315_576_000 },
    });
    expect(await metricsOf(s)).toMatch(/^forgeq_.*plain.* 315576000$/m);
  });
});

describe("what comes next", () => {
  it("is the ordinary job where the odd ones never come, and now where one is long past", async () => {
    const s = await setup();
    await byHand(s, NEVER);
    expect(await nextDue(s.db, 120, s.at(0))).toBeNull();
    expect((await nextEvent(s.db, s.at(0))).jobSeconds).toBe(315_576_000);
    await s.db.query("delete from forgeq.job where run_at < 'infinity'");
    expect(await nextEvent(s.db, s.at(0))).toEqual({ jobSeconds: null, slotSeconds: null, leaseSeconds: null });
    await ordinary(s);
    expect(await nextDue(s.db, 120, s.at(0))).toBe(30);
    expect((await nextEvent(s.db, s.at(0))).jobSeconds).toBe(30);
    await byHand(s, PAST);
    expect(await nextDue(s.db, 120, s.at(0))).toBe(30);
    expect((await nextEvent(s.db, s.at(0))).jobSeconds).toBe(-315_576_000);
  });

  it("passes over a schedule and a lease without end", async () => {
    const s = await setup();
    await s.db.query(
      `insert into forgeq.schedule (name, id, cron, timezone, type, payload, decided_until, next_slot_at, starts_at, ends_at)
       select 's' || n, gen_random_uuid(), '* * * * *', 'UTC', 'plain', '{}', now(), i::timestamptz, '-infinity', 'infinity'
       from unnest($1::text[]) with ordinality as u(i, n)`,
      [NEVER],
    );
    await s.queue.enqueue(1);
    await s.queue.lease();
    await s.db.query("update forgeq.lease set expires_at = 'infinity'");
    expect(await nextEvent(s.db, s.at(0))).toEqual({ jobSeconds: null, slotSeconds: 315_576_000, leaseSeconds: null });
    await s.db.query("update forgeq.schedule set next_slot_at = 'infinity'");
    expect((await nextEvent(s.db, s.at(0))).slotSeconds).toBeNull();
    const handler = api(s);
    expect((await handler("/schedules")).body.data).toHaveLength(3);
    expect(await tick(s.deps, () => 60_000)).toMatchObject({ workLeft: false });
  });

  it.each([
    ["-infinity", ["forgeq-test-dispatcher"]],
    ["infinity", []],
  ])("lets the scheduler go on where the only job is at %s", async (instant, woken) => {
    const s = await setup();
    await byHand(s, [instant]);
    expect(await tick(s.deps, () => 60_000)).toMatchObject({ workLeft: false });
    expect(s.invocations.map(({ functionName }) => functionName)).toEqual(woken);
  });
});

describe("an odd job that is long past", () => {
  it("is claimed, run and completed, and its history is shown", async () => {
    const s = await setup();
    const ids = await byHand(s, PAST);
    const held = await s.queue.lease();
    expect([...held.jobIds].sort()).toEqual([...ids].sort());
    expect(await s.queue.settle(held, "completed")).toMatchObject({ outcome: "settled" });
    for (const id of ids) expect(await s.queue.state(id)).toBe("completed");
    const { body } = await api(s)("/jobs", "state=completed");
    for (const job of body.data) expect([job.created_at, job.run_at]).toEqual([expect.stringMatching(RFC_3339), expect.stringMatching(RFC_3339)]); // prettier-ignore
    expect(await violations(s.db)).toEqual([]);
  });

  it.each(["retry", "dead", "released"] as const)("ends an attempt with %s as others do", async (outcome) => {
    const s = await setup();
    const ids = await byHand(s, PAST);
    const held = await s.queue.lease();
    const ended = ids.map((id) => ({ id, outcome, error: { name: "Error", message: "no" } }));
    const first = await settle(s.db, held, ended, s.at(1));
    expect(first).toMatchObject({ outcome: "settled" });
    // Sent again, while one of them is odd once more.
    await s.db.query("update forgeq.job set run_at = '-infinity'");
    expect(await settle(s.db, held, ended, s.at(1))).toMatchObject({ outcome: "settled" });
    expect(await violations(s.db)).toEqual([]);
  });

  it("is taken by a worker's statement", async () => {
    const s = await setup();
    const ids = await byHand(s, PAST);
    const takes = [{ queue: "plain", claimId: uuidV7(), watermarks: null }];
    const call = { worker: uuidV7(), settles: [], takes, types: ["plain"], maxJobs: 10, invocation: "test:1" };
    const { leases } = await settleAndTake(s.db, { ...call, dueHorizonSeconds: 10, at: s.at(0) });
    expect(leases.flatMap(({ jobs }) => jobs.map(({ id }) => id)).sort()).toEqual([...ids].sort());
  });
});

it("a worker runs odd jobs that are long past, and passes over those that never come", async () => {
  const { queue, db, start } = await setupWorkers();
  const ids = await queue.enqueue(6);
  for (const [n, instant] of [...PAST, ...NEVER].entries())
    await db.query("update forgeq.job set run_at = $2::timestamptz where id = $1", [ids[n], instant]);
  await queue.enqueue(1);
  const worker = start(async () => undefined, { once: true });
  await worker.drained;
  expect(await histories(db)).toEqual({ completed: 4 });
});

it("an odd job that never comes can be cancelled, and retried by hand it is due", async () => {
  const s = await setup();
  const ids = await byHand(s, NEVER);
  const handler = createHandler(s.deps, ALL_SCOPES);
  for (const id of ids) {
    expect(await send(handler, { path: `/jobs/${id}/cancel`, method: "POST" })).toMatchObject({ status: 200 });
    expect(await send(handler, { path: `/jobs/${id}/retry`, method: "POST" })).toMatchObject({ status: 200 });
  }
  expect((await s.queue.lease()).jobIds).toHaveLength(3);
});

describe("a scan that passes over jobs of blocked types", () => {
  const other = defineJob({ type: "other", queue: "plain", payload: z.object({}).loose(), retry: { maxAttempts: 3 } });

  it.each(["-infinity", "2020-01-01T00:00:00Z"])("goes on past 6,000 that are all due at %s", async (instant) => {
    const s = await setup({ jobs: [plain, other] });
    await s.db.query(
      `insert into forgeq.job (id, run_at, priority, max_attempts, queue, type, payload)
       select forgeq.uuid_v7(), $1::timestamptz, 5, 3, 'plain', 'other', '{}' from generate_series(1, 6000)`,
      [instant],
    );
    const [id] = await s.queue.enqueue(1);
    let watermarks: readonly string[] | null = null;
    let claimed: string[] = [];
    for (let scans = 0; scans < 5 && claimed.length === 0; scans += 1) {
      const scan = await s.queue.claim(10, "plain", { watermarks, blockedTypes: ["other"] });
      claimed = scan.leases.map(({ id: lease }) => lease);
      watermarks = scan.watermarks;
    }
    expect(claimed).toHaveLength(1);
    expect(await s.queue.state(id!)).toBe("leased");
  });
});
