import { describe, expect, it } from "vitest";
import { decide, plan } from "../../lib/queue/worker/plan.ts";
import { createWorkerState, type WorkerState } from "../../lib/queue/worker/worker-state.ts";

const NOW_MS = 100_000;

/** A worker of ten slots that knows its one queue, and has polled it a while ago. */
const idle = (more: Partial<WorkerState> = {}): WorkerState => ({
  ...createWorkerState({ concurrency: 10 }, true),
  queuesKnown: true,
  queues: 1,
  runnableTypes: ["plain"],
  pollDue: false,
  nextPollAtMs: NOW_MS + 5_000,
  ...more,
});

const next = (more: Partial<WorkerState>) => plan(idle(more), NOW_MS);

describe("nothing is sent", () => {
  it.each([
    ["nothing_due", {}],
    ["stopping", { accepting: false, dueQueues: 1 }],
    ["queues_unknown", { queuesKnown: false, queues: 0, pollDue: true }],
    ["no_free_slot", { busyJobs: 6, reservedJobs: 4, dueQueues: 1 }],
    ["no_runnable_type", { runnableTypes: [], dueQueues: 1 }],
    // One outcome, and one free slot: less than half a batch of ten.
    ["statement_under_way", { statements: 1, outcomesWaiting: 1, busyJobs: 9, dueQueues: 1 }],
    ["statement_under_way", { statements: 1, outcomesWaiting: 10 }],
  ] as const)("because of %s", (pause, more) => {
    expect(decide(idle(more), NOW_MS)).toBe(pause);
    expect(next(more)).toBeNull();
  });
});

describe("a statement with outcomes", () => {
  it("takes nothing, and reserves nothing, where no queue is due and none gave jobs a moment ago", () => {
    const expected = { why: "outcomes", settleJobs: 2, takeJobs: 0, visits: "none", poll: false, housekeeping: false };
    expect(next({ outcomesWaiting: 2 })).toEqual(expected);
  });

  it("takes from queues that gave jobs within the last second", () => {
    expect(next({ outcomesWaiting: 1, gaveAtMs: NOW_MS - 999 })).toMatchObject({ visits: "due", takeJobs: 10 });
    expect(next({ outcomesWaiting: 1, gaveAtMs: NOW_MS - 1_000 })).toMatchObject({ visits: "none", takeJobs: 0 });
  });

  it("makes the next poll where that is near, unless that one is for a job that falls due", () => {
    const near = { outcomesWaiting: 1, nextPollAtMs: NOW_MS + 999 };
    expect(next(near)).toMatchObject({ why: "outcomes", visits: "all", poll: false, takeJobs: 10 });
    expect(next({ ...near, jobDueAtMs: NOW_MS + 999 })).toMatchObject({ visits: "none", takeJobs: 0 });
  });

  it.each([
    ["no slot is free", { busyJobs: 10 }],
    ["the worker stops", { accepting: false }],
    ["no type can run", { runnableTypes: [] }],
  ])("takes nothing where %s", (_, more) => {
    const statement = next({ outcomesWaiting: 3, dueQueues: 1, pollDue: true, ...more });
    expect(statement).toMatchObject({ settleJobs: 3, takeJobs: 0, visits: "none", poll: false });
  });

  it("carries one batch", () => {
    const large = { ...idle({ outcomesWaiting: 1_200 }), concurrency: 1_500 };
    expect(plan(large, NOW_MS)).toMatchObject({ settleJobs: 500 });
    expect(plan({ ...large, roundTripMs: 10 }, NOW_MS)).toMatchObject({ settleJobs: 1_000 });
    expect(plan({ ...large, batchJobs: 7 }, NOW_MS)).toMatchObject({ settleJobs: 7 });
  });
});

describe("a take", () => {
  it("fills the free slots from queues that are due", () => {
    const expected = { why: "due_queues", settleJobs: 0, takeJobs: 7, visits: "due", poll: false };
    expect(next({ dueQueues: 1, busyJobs: 2, reservedJobs: 1 })).toMatchObject(expected);
  });

  it("that is a poll visits all queues, with housekeeping", () => {
    const expected = { why: "poll", takeJobs: 10, visits: "all", poll: true, housekeeping: true };
    expect(next({ pollDue: true })).toMatchObject(expected);
    // In a database without queues it learns of new ones.
    expect(next({ pollDue: true, queues: 0 })).toMatchObject({ ...expected, takeJobs: 0 });
  });

  it("goes concurrently with another statement when it fills half a batch, as far as the round trip calls for it", () => {
    const backlog = { ...idle({ dueQueues: 1, statements: 1, busyJobs: 1_000 }), concurrency: 2_000 };
    expect(plan(backlog, NOW_MS)).toMatchObject({ takeJobs: 500 });
    expect(decide({ ...backlog, statements: 2 }, NOW_MS)).toBe("statement_under_way");
    expect(decide({ ...backlog, busyJobs: 1_751 }, NOW_MS)).toBe("statement_under_way");
    expect(plan({ ...backlog, concurrency: 10_000, statements: 2, roundTripMs: 20 }, NOW_MS)).not.toBeNull();
  });
});

describe("slots for local starts", () => {
  const large = (more: Partial<WorkerState>) => plan({ ...idle({ dueQueues: 1, ...more }), concurrency: 40 }, NOW_MS);

  it("are left free by a take until the local starts have stopped", () => {
    expect(large({ leaveSlotsUntilMs: NOW_MS + 1 })).toMatchObject({ takeJobs: 30 });
    expect(large({ leaveSlotsUntilMs: NOW_MS })).toMatchObject({ takeJobs: 40 });
  });

  it("are not left while there is a backlog, or where few slots are free", () => {
    expect(large({ leaveSlotsUntilMs: NOW_MS + 1, backlogQueues: 1 })).toMatchObject({ takeJobs: 40 });
    expect(large({ leaveSlotsUntilMs: NOW_MS + 1, busyJobs: 21 })).toMatchObject({ takeJobs: 19 });
  });
});

describe("a capacity offer", () => {
  const offered = (more: Partial<WorkerState>) => next({ outcomesWaiting: 1, listening: true, ...more })?.housekeeping;

  it("is made by a statement that is sent anyway, once the last one ends soon", () => {
    expect(offered({})).toBe(true);
    expect(offered({ offeredUntilMs: NOW_MS + 4_001 })).toBe(false);
    expect(offered({ offeredUntilMs: NOW_MS + 3_999 })).toBe(true);
  });

  it.each([
    ["does not listen", { listening: false }],
    ["is more than half full", { busyJobs: 6 }],
    ["has a backlog", { backlogQueues: 1, dueQueues: 1 }],
    ["was full a moment ago", { offerClosedUntilMs: NOW_MS + 1 }],
    ["stops", { accepting: false }],
    ["never offers", { offersCapacity: false }],
  ])("is not made by a worker that %s", (_, more) => {
    expect(offered(more)).toBe(false);
  });
});

describe("a poll of a worker without a free slot", () => {
  const full = { pollDue: true, busyJobs: 10 };

  it("is sent while producers may have pushed jobs to it, and takes nothing", () => {
    const expected = { why: "poll", settleJobs: 0, takeJobs: 0, visits: "none", poll: true, housekeeping: true };
    expect(next({ ...full, pollsUntilMs: NOW_MS + 1 })).toEqual(expected);
    expect(next({ ...full, pollsUntilMs: NOW_MS + 1, outcomesWaiting: 2 })).toMatchObject({
      settleJobs: 2,
      poll: true,
    });
  });

  it.each([
    ["the last offer is long over", { pollsUntilMs: NOW_MS }],
    ["the worker stops", { pollsUntilMs: NOW_MS + 1, accepting: false }],
    ["none is due", { pollsUntilMs: NOW_MS + 1, pollDue: false }],
  ])("is not sent where %s", (_, more) => {
    expect(next({ ...full, ...more })).toBeNull();
  });
});

it("makes no offer while the probe of the last one has not arrived", () => {
  const state = { outcomesWaiting: 1, listening: true };
  expect(next({ ...state, awaitsProbe: true })?.housekeeping).toBe(false);
});
