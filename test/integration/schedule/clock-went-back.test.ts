import { describe, expect, it } from "vitest";
import { examine } from "../../../lib/cli/checks.ts";
import { queueStats } from "../../../lib/queue/observe/queue-stats.ts";
import { offerCapacity } from "../../../lib/db/protocol/capacity-offer.ts";
import { markDispatcher, wakeWanted } from "../../../lib/db/protocol/wake.ts";
import { createSchedule } from "../../../lib/queue/schedule/manage-schedules.ts";
import { tick } from "../../../lib/queue/schedule/tick.ts";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import { violations } from "../../support/database/invariants.ts";
import { everyMinute, setupSchedules } from "../../support/schedule/schedules.ts";

const DAYS = 3 * 24 * 60;
const long = () => 60_000;

/** A queue that has worked for some minutes while the clock was three days ahead; `goBack` puts it right, and lets a tick come. */
const setupAhead = async () => {
  const logged: { readonly message: string; readonly fields: Record<string, unknown> }[] = [];
  const log = (message: string, fields = {}) => void logged.push({ message, fields });
  const s = await setupSchedules({ logger: { debug: log, info: log, warn: log, error: log } });
  s.moveTo(DAYS);
  await tick(s.deps, long);
  const goBack = (minutes = 1) => {
    s.moveTo(minutes);
    return tick(s.deps, long);
  };
  return { ...s, logged, goBack };
};

describe("after the database's clock went back by three days", () => {
  it("says so once, in the log and in a metric", async () => {
    const s = await setupAhead();
    await s.goBack();
    await s.goBack(2);
    expect(s.metrics.counts.get("ClockWentBack")).toBe(1);
    expect(s.logged).toContainEqual({ message: "the database's clock went back", fields: { seconds: DAYS * 60 - 60 } });
  });

  it("starts the jobs that were due, after the next tick, and none that was to come later", async () => {
    const s = await setupAhead();
    const due = await s.queue.enqueue(3);
    const timed = await s.queue.enqueue(1, { runAt: s.minute(DAYS + 30) });
    const [claimed] = await s.queue.enqueue(1);
    const held = await s.queue.lease(100);
    const rest = held.jobIds.filter((id) => id !== claimed);
    await s.queue.settle({ ...held, jobIds: rest }, "released");
    s.moveTo(1);
    expect((await s.queue.claim()).leases).toEqual([]);
    await s.goBack();
    expect(s.invocations).toHaveLength(1);
    expect([...(await s.queue.lease()).jobIds].sort()).toEqual([...due].sort());
    expect(await s.queue.get(timed[0]!)).toMatchObject({ state: "scheduled", runAt: s.minute(DAYS + 30) });
    expect(await violations(s.db)).toEqual([]);
  });

  it("lets a job that failed wait for what was left of its time, and not three days", async () => {
    const s = await setupAhead();
    const [id] = await s.queue.enqueue(1);
    await s.queue.settle(await s.queue.lease(), "retry");
    await s.goBack();
    await s.goBack(1.05);
    expect((await s.queue.get(id!)).runAt).toEqual(s.minute(1 + 10 / 60));
    s.moveTo(1.2);
    expect((await s.queue.lease()).jobIds).toEqual([id]);
  });

  it("takes the lease of a worker that is gone back within what was left of it", async () => {
    const s = await setupAhead();
    const [id] = await s.queue.enqueue(1);
    await s.queue.lease();
    await s.goBack();
    expect(await s.queue.state(id!)).toBe("running");
    expect(await s.goBack(2.1)).toMatchObject({ leasesRecovered: 1 });
  });

  it("leaves a lease alone that was made since", async () => {
    const s = await setupAhead();
    s.moveTo(1);
    await s.queue.enqueue(1);
    const held = await s.queue.lease();
    await s.goBack(1.1);
    s.moveTo(1.9);
    expect(await s.queue.settle(held, "completed")).toMatchObject({ outcome: "settled" });
  });

  it("fires the slots that come, each once", async () => {
    const s = await setupAhead();
    await createSchedule(s.deps, everyMinute());
    s.moveTo(DAYS + 1);
    await s.fire();
    for (const minute of [1.5, 2, 3.1]) await s.goBack(minute);
    await s.goBack(3.2);
    expect((await s.slots()).sort((a, b) => a - b)).toEqual([2, 3, DAYS + 1]);
    s.moveTo(DAYS + 1.5);
    await tick(s.deps, long);
    expect(new Set(await s.slots()).size).toBe((await s.slots()).length);
  });

  it("believes no marker of a dispatcher, which can only be a few seconds ahead", async () => {
    const s = await setupAhead();
    const [gone, next] = [uuidV7(), uuidV7()];
    expect(await markDispatcher(s.db, gone, "active", null, s.minute(DAYS))).toBe(true);
    expect(await wakeWanted(s.db, 0, s.minute(1))).toBe(true);
    expect(await markDispatcher(s.db, gone, "active", null, s.minute(DAYS))).toBe(true);
    expect(await markDispatcher(s.db, next, "active", null, s.minute(1))).toBe(true);
    expect(await markDispatcher(s.db, gone, "waiting", 100, s.minute(DAYS))).toBe(true);
    expect(await markDispatcher(s.db, next, "closing", null, s.minute(1))).toBe(true);
    expect(await wakeWanted(s.db, 60, s.minute(1))).toBe(true);
  });

  it("pushes nothing to a worker whose offer was made before", async () => {
    const s = await setupAhead();
    const worker = uuidV7();
    const offer = { queues: null, types: ["plain"], seconds: 8, channel: "c", key: "00" };
    await offerCapacity(s.db, { worker, offer, invocation: null, at: s.minute(DAYS) });
    const chosen = async (minute: number) => {
      const text = "select worker from forgeq.choose_worker('plain', null, 10, $1)";
      return (await s.db.query<{ worker: string | null }>(text, [s.minute(minute)]))[0]?.worker;
    };
    // It still listens, with the connection that holds this lock, and its offers no longer arrive.
    await s.db.transaction(async (tx) => {
      await tx.query("select pg_advisory_xact_lock_shared(forgeq.worker_lock($1, 3))", [worker]);
      expect(await chosen(DAYS)).toBe(worker);
      expect(await chosen(1)).toBeNull();
    });
  });

  it("is a problem for doctor until a tick has mended it", async () => {
    const s = await setupAhead();
    const found = async () =>
      (await examine({ url: s.url }, [], "always")).find(({ check }) => check === "clock went back");
    expect(await found()).toMatchObject({
      level: "problem",
      found: expect.stringContaining("behind the last tick") as string,
    });
    await s.db.query("select forgeq.check_clock()");
    expect(await found()).toMatchObject({ level: "ok" });
  });

  it("measures rates from then on", async () => {
    const s = await setupAhead();
    await s.queue.enqueue(5);
    s.moveTo(DAYS + 1);
    await tick(s.deps, long);
    await s.goBack(1);
    await s.queue.enqueue(10);
    await s.goBack(2);
    expect(await s.db.query("select from forgeq.metric_sample where at > $1", [s.minute(2)])).toEqual([]);
    expect((await queueStats(s.deps))[0]?.perMinute?.enqueued).toBe(10);
  });
});
