import { expect, it } from "vitest";
import { realTime } from "../../lib/queue/time.ts";
import { createQueuePositions, type QueueTake } from "../../lib/queue/worker/queue-positions.ts";

const found = (more: boolean, name: string, outcome: "claimed" | "full" = "claimed", serverMs = 1) => ({
  serverMs,
  queues: [
    {
      queue: "plain",
      outcome,
      more,
      watermarks: [`wide ${name}`],
      continued: more ? [`near ${name}`] : null,
    },
  ],
});

const start = () => {
  let nowMs = 0;
  const counts = { queues: 0, dueQueues: 0, backlogQueues: 0, gaveAtMs: -Infinity };
  const queues = createQueuePositions(counts, { time: { ...realTime, elapsedMs: () => nowMs }, random: Math.random });
  queues.set(["plain"]);
  const take = (): QueueTake => queues.takes(true)[0]!;
  return {
    counts,
    queues,
    take,
    after: (ms: number) => {
      nowMs += ms;
    },
    answer: (taken: QueueTake, more: boolean, name: string, outcome?: "full") =>
      queues.note([taken], found(more, name, outcome)),
  };
};

it("sweeps first, and continues where the last take ended while more jobs wait", () => {
  const { take, answer } = start();
  const first = take();
  expect(first).toMatchObject({ watermarks: null, continued: false });
  answer(first, true, "1");
  const second = take();
  expect(second).toMatchObject({ watermarks: ["near 1"], continued: true });
  answer(second, true, "2");
  expect(take()).toMatchObject({ watermarks: ["near 2"], continued: true });
});

it("takes from its watermarks ten times a second while it continues", () => {
  const { take, answer, after } = start();
  answer(take(), true, "1");
  answer(take(), true, "2");
  after(100);
  const wide = take();
  expect(wide).toMatchObject({ watermarks: ["wide 1"], continued: false });
  answer(wide, true, "3");
  expect(take()).toMatchObject({ watermarks: ["near 3"], continued: true });
});

it("takes from its watermarks once a take was not cut off, and when a job is announced", () => {
  const { take, answer, queues } = start();
  answer(take(), true, "1");
  answer(take(), false, "2");
  const wide = take();
  expect(wide).toMatchObject({ watermarks: ["wide 1"], continued: false });
  answer(wide, true, "3");
  queues.markDue("plain");
  expect(take()).toMatchObject({ watermarks: ["wide 3"], continued: false });
});

it.each(["answered `full`", "not made"])("sweeps once more when a sweep was %s, which scans nothing", (how) => {
  const { take, answer, queues, after } = start();
  answer(take(), false, "0");
  after(5_000);
  const sweep = take();
  expect(sweep).toMatchObject({ watermarks: null });
  if (how === "not made") queues.missed([sweep]);
  else answer(sweep, false, "0", "full");
  const again = take();
  expect(again).toMatchObject({ watermarks: null, continued: false });
  answer(again, false, "1");
  expect(take()).toMatchObject({ watermarks: ["wide 1"], continued: false });
});

it("takes from its watermarks once more when such a take was not made", () => {
  const { take, answer, queues, after } = start();
  answer(take(), true, "1");
  after(100);
  queues.missed([take()]);
  const wide = take();
  expect(wide).toMatchObject({ watermarks: ["wide 1"], continued: false });
  answer(wide, true, "2");
  expect(take()).toMatchObject({ watermarks: ["near 2"], continued: true });
});

it("counts its queues, those that are due, and those that have a backlog", () => {
  const { counts, queues, take, answer, after } = start();
  expect(counts).toEqual({ queues: 1, dueQueues: 1, backlogQueues: 0, gaveAtMs: -Infinity });
  after(7);
  const first = take();
  expect(counts.dueQueues).toBe(0);
  answer(first, true, "1");
  expect(counts).toEqual({ queues: 1, dueQueues: 1, backlogQueues: 1, gaveAtMs: 7 });
  const second = take();
  answer(second, false, "2");
  expect(counts).toMatchObject({ dueQueues: 0, backlogQueues: 0 });
  expect([queues.markDue("plain"), queues.markDue("other"), counts.dueQueues]).toEqual([true, false, 1]);
  queues.set(["other", "third"]);
  expect(counts).toEqual({ queues: 2, dueQueues: 2, backlogQueues: 0, gaveAtMs: -Infinity });
});
