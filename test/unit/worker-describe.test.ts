import { expect, it } from "vitest";
import { describeWorker, formatDescription } from "../../lib/queue/worker/describe.ts";
import { createWorkerState, type WorkerState } from "../../lib/queue/worker/worker-state.ts";

const NOW_MS = 100_000;

const state = (more: Partial<WorkerState>): WorkerState => ({
  ...createWorkerState({ concurrency: 10 }, true),
  queuesKnown: true,
  queues: 1,
  runnableTypes: ["plain"],
  pollDue: false,
  ...more,
});

it("gives instants as seconds from now, and null where there is none", () => {
  const given = state({ nextPollAtMs: NOW_MS + 1_500, gaveAtMs: NOW_MS - 250, offeredUntilMs: NOW_MS + 8_000 });
  expect(describeWorker(given, NOW_MS).state).toMatchObject({
    nextPollInSeconds: 1.5,
    gaveInSeconds: -0.25,
    offeredForSeconds: 8,
    jobDueInSeconds: null,
    offerClosedForSeconds: null,
    freeSlots: 10,
  });
});

it.each([
  [{ nextPollAtMs: NOW_MS + 1_500 }, "No outcome waits, and nobody announced a due job. The next poll comes in 1.5 s."],
  [{ jobDueAtMs: NOW_MS + 700 }, "No outcome waits, and nobody announced a due job. A job falls due in 0.7 s."],
  [{ accepting: false }, "The worker is stopping: it takes nothing more."],
  [{ queuesKnown: false }, "The names of the queues could not be read yet, so there is nothing to take from."],
  [{ runnableTypes: [] }, "No type can run another job: each has as many in this process as its concurrency allows."],
  [{ busyJobs: 9, reservedJobs: 1 }, "No slot is free: of 10 slots 9 are busy and 1 reserved for jobs that may come."],
  [{ statements: 1, outcomesWaiting: 1 }, "A statement is under way, and what waits is too little for another one."],
] as const)("says why nothing is sent: %j", (more, why) => {
  expect(describeWorker(state(more), NOW_MS)).toMatchObject({ next: null, why });
});

it("says what is sent next, and why", () => {
  const described = describeWorker(state({ outcomesWaiting: 2 }), NOW_MS);
  expect(described).toMatchObject({ next: { settleJobs: 2, takeJobs: 0 }, why: "Outcomes wait to be written: 2." });
  expect(describeWorker(state({ pollDue: true }), NOW_MS).why).toBe("A poll is due.");
  expect(describeWorker(state({ dueQueues: 3 }), NOW_MS).why).toBe("Queues may have due jobs: 3.");
  expect(formatDescription(described).split("\n").at(-1)).toMatch(
    /^Next: a statement, \{"why":"outcomes",.*\}\. Outcomes/,
  );
});

it("is a block of lines, one for each field", () => {
  const lines = formatDescription(describeWorker(state({}), NOW_MS)).split("\n");
  expect(lines[0]).toBe("Worker state");
  expect(lines.slice(1, -1)).toHaveLength(Object.keys(state({})).length + 1);
  expect(lines).toContain(`  ${"jobDueInSeconds".padEnd(21)}  none`);
});
