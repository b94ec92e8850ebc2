import { describe, expect, it } from "vitest";
import { createHandler } from "../../../functions/api.ts";
import { defineQueue } from "../../../lib/core/define.ts";
import { nextDue, nextEvent } from "../../../lib/db/protocol/wake.ts";
import { dispatchableQueues } from "../../../lib/db/reads/queues.ts";
import { syncDefinitions } from "../../../lib/queue/manage/sync-definitions.ts";
import { pauseQueue, resetLimits, setQueue } from "../../../lib/queue/manage/manage-queues.ts";
import { queueStatsOf } from "../../../lib/queue/observe/queue-stats.ts";
import { tick } from "../../../lib/queue/schedule/tick.ts";
import { ALL_SCOPES, send } from "../../support/http/http.ts";
import { plain, setup } from "../../support/queue.ts";

const paused = async () => {
  const s = await setup();
  await s.queue.enqueue(1);
  await pauseQueue(s.deps, "plain", { reason: "the mail server is down", until: s.at(90) });
  return s;
};

describe("a pause with an end", () => {
  it("is shown with its reason, and holds until then", async () => {
    const s = await paused();
    const pause = { since: s.at(0), reason: "the mail server is down", until: s.at(90) };
    expect(await queueStatsOf(s.deps, "plain")).toMatchObject({ paused: true, pause });
    s.moveTo(89);
    expect(await s.queue.claim()).toMatchObject({ outcome: "paused" });
    expect(await dispatchableQueues(s.db, s.at(89))).toEqual([]);
    await tick(s.deps, () => 60_000);
    expect(await queueStatsOf(s.deps, "plain")).toMatchObject({ paused: true, pause });
  });

  it("is over for a take that comes then, also before a tick has come by", async () => {
    const s = await paused();
    s.moveTo(90);
    expect(await dispatchableQueues(s.db, s.at(90))).toEqual(["plain"]);
    expect(await s.queue.claim()).toMatchObject({ outcome: "claimed", leases: [{}] });
    expect(await queueStatsOf(s.deps, "plain")).toMatchObject({ paused: false, pause: null });
  });

  it("is ended by the tick, which wakes a dispatcher", async () => {
    const s = await paused();
    s.moveTo(91);
    await tick(s.deps, () => 60_000);
    expect(await s.db.query("select paused, paused_until, pause_reason from forgeq.queue")).toEqual([
      { paused: false, paused_until: null, pause_reason: null },
    ]);
    expect(s.invocations.map(({ functionName }) => functionName)).toContain("forgeq-test-dispatcher");
  });

  it("is what comes next, so that a wake is armed for it, and a dispatcher waits for its end", async () => {
    const s = await paused();
    expect(await nextEvent(s.db, s.at(0))).toMatchObject({ jobSeconds: null, slotSeconds: 90 });
    expect(await nextDue(s.db, 120, s.at(0))).toBe(90);
    await pauseQueue(s.deps, "plain");
    expect(await nextEvent(s.db, s.at(0))).toMatchObject({ jobSeconds: null, slotSeconds: null });
    expect(await nextDue(s.db, 120, s.at(0))).toBeNull();
  });

  it("can't end in the past, nor in a hundred years", async () => {
    const s = await setup();
    const handler = createHandler(s.deps, ALL_SCOPES);
    for (const until of [s.at(-1), s.at(0), new Date("2999-01-01")])
      expect(
        await send(handler, { path: "/queues/plain/pause", method: "POST", body: { until: until.toISOString() } }),
      ).toMatchObject({ status: 422, body: { code: "invalid_queue", errors: [{ pointer: "/until" }] } });
    expect(await queueStatsOf(s.deps, "plain")).toMatchObject({ paused: false });
  });
});

describe("DELETE /queues/{name}/limits", () => {
  it("brings the code's limits back, also those of a code that has changed since", async () => {
    const s = await setup({ queues: [defineQueue({ name: "plain", maxInFlight: 3, maxPending: 7 })] });
    await setQueue(s.deps, "plain", { maxInFlight: 1, maxPending: null, retentionDays: 2 });
    await syncDefinitions(
      s.db,
      [plain],
      [defineQueue({ name: "plain", maxInFlight: 5, maxPending: 8, retentionDays: 9 })],
    );
    const code = { max_in_flight: 5, max_pending: 8, retention_days: 9 };
    expect(await queueStatsOf(s.deps, "plain")).toMatchObject({ maxInFlight: 1, codeLimits: code });
    const handler = createHandler(s.deps, ALL_SCOPES);
    const reset = (name: string) => send(handler, { path: `/queues/${name}/limits`, method: "DELETE" });
    expect(await reset("plain")).toMatchObject({ status: 200, body: { ...code, overridden: [], code } });
    expect(await reset("none")).toMatchObject({ status: 404 });
  });

  it("gives the defaults to a queue that an operator has declared", async () => {
    const s = await setup();
    await setQueue(s.deps, "mine", { types: ["plain"], maxInFlight: 1, retentionDays: 2 });
    expect(await resetLimits(s.deps, "mine")).toMatchObject({
      ...{ maxInFlight: 100, maxPending: null, retentionDays: 30, codeLimits: null, overridden: [], types: ["plain"] },
    });
  });
});
