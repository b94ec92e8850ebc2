import fc from "fast-check";
import { expect, it } from "vitest";
import { batchJobsOf, mostStatementsOf } from "../../lib/queue/worker/pace.ts";
import { plan } from "../../lib/queue/worker/plan.ts";
import { createWorkerState, freeSlots, type WorkerState } from "../../lib/queue/worker/worker-state.ts";

const NOW_MS = 1_000_000;

const count = fc.nat({ max: 1_500 });
const instant = fc.oneof(
  fc.constantFrom(-Infinity, Infinity),
  fc.integer({ min: NOW_MS - 20_000, max: NOW_MS + 20_000 }),
);

const state: fc.Arbitrary<WorkerState> = fc
  .record({
    concurrency: fc.integer({ min: 1, max: 3_000 }),
    batchJobs: fc.option(fc.integer({ min: 1, max: 1_000 })),
    offersCapacity: fc.boolean(),
    accepting: fc.boolean(),
    statements: fc.nat({ max: 9 }),
    reservedJobs: fc.nat({ max: 40 }),
    busyJobs: count,
    outcomesWaiting: fc.oneof(fc.constant(0), count),
    queuesKnown: fc.boolean(),
    queues: fc.nat({ max: 5 }),
    dueQueues: fc.nat({ max: 5 }),
    backlogQueues: fc.nat({ max: 5 }),
    gaveAtMs: instant,
    runnableTypes: fc.constantFrom([], ["plain"]),
    pollDue: fc.boolean(),
    nextPollAtMs: instant,
    jobDueAtMs: instant,
    leaveSlotsUntilMs: instant,
    listening: fc.boolean(),
    offeredUntilMs: instant,
    offerClosedUntilMs: instant,
    roundTripMs: fc.option(fc.double({ min: 0, max: 200, noNaN: true })),
  })
  .map((fields) => ({ ...createWorkerState({ concurrency: 1 }, false), ...fields }));

const holds = (check: (given: WorkerState, statement: ReturnType<typeof plan>) => void): void =>
  fc.assert(
    fc.property(state, (given) => check(given, plan(given, NOW_MS))),
    { numRuns: 2_000 },
  );

it("is a function of the state, and changes nothing", () => {
  holds((given, statement) => {
    const copy = structuredClone(given);
    expect(plan(given, NOW_MS)).toEqual(statement);
    expect(given).toEqual(copy);
  });
});

it("reserves no more than the free slots and a batch, and something only where it takes", () => {
  holds((given, statement) => {
    if (statement === null) return;
    expect(statement.takeJobs).toBeLessThanOrEqual(Math.max(0, freeSlots(given)));
    expect(statement.takeJobs).toBeLessThanOrEqual(batchJobsOf(given));
    expect(statement.takeJobs > 0).toBe(statement.visits !== "none" && given.queues > 0);
  });
});

it("sends nothing that neither carries outcomes nor takes", () => {
  holds((given, statement) => {
    if (statement === null) return;
    expect(statement.settleJobs > 0 || statement.visits !== "none").toBe(true);
    expect(statement.settleJobs).toBeLessThanOrEqual(given.outcomesWaiting);
  });
});

it("leaves no outcome waiting while nothing is under way, whatever else is the matter", () => {
  holds((given, statement) => {
    if (given.statements === 0 && given.outcomesWaiting > 0) expect(statement?.settleJobs).toBeGreaterThan(0);
  });
});

it("takes whenever a poll or a queue is due, there is a slot, and nothing is under way", () => {
  holds((given, statement) => {
    const canTake = freeSlots(given) > 0 && given.queuesKnown && given.runnableTypes.length > 0;
    if (given.statements > 0 || !(given.pollDue || given.dueQueues > 0)) return;
    expect(statement !== null && statement.visits !== "none").toBe(canTake);
  });
});

it("keeps to the number of concurrent statements", () => {
  holds((given, statement) => {
    if (statement !== null && given.statements > 0) expect(given.statements).toBeLessThan(mostStatementsOf(given));
  });
});

it("comes to an end: a worker that does what it says, again and again, sends a bounded number of statements", () => {
  fc.assert(
    fc.property(state, (given) => {
      const now = { ...given };
      let sent = 0;
      for (let next = plan(now, NOW_MS); next !== null; next = plan(now, NOW_MS)) {
        sent += 1;
        now.statements += 1;
        now.reservedJobs += next.takeJobs;
        now.outcomesWaiting -= next.settleJobs;
        if (next.poll) now.pollDue = false;
        if (next.visits !== "none") now.dueQueues = 0;
        expect(sent).toBeLessThanOrEqual(10);
      }
    }),
    { numRuns: 2_000 },
  );
});
