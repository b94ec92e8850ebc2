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

const startMany = (fixed: readonly string[] | null = null) => {
  let nowMs = 0;
  const counts = { queues: 0, dueQueues: 0, backlogQueues: 0, gaveAtMs: -Infinity };
  const time = { ...realTime, elapsedMs: () => nowMs };
  const queues = createQueuePositions(counts, { time, random: Math.random }, fixed);
  queues.set(null);
  const visit = (all = true): readonly QueueTake[] => {
    const takes = queues.takes(all);
    const empty = { outcome: "empty" as const, more: false, watermarks: ["1"] };
    queues.note(takes, { queues: takes.map(({ queue }) => ({ queue, ...empty })), serverMs: 0 });
    return takes;
  };
  return { counts, queues, visit, after: (ms: number) => void (nowMs += ms) };
};
const names = (count: number) => Array.from({ length: count }, (_, n) => `q${n}`);

it("knows of many queues those that were named, visits 64 in a take, and all of them in turn", () => {
  const { queues, visit, counts } = startMany();
  expect(visit()).toEqual([]);
  queues.found(names(150));
  expect(counts.dueQueues).toBe(150);
  const takes = [visit(), visit(), visit(false)];
  expect(takes.map((each) => each.length)).toEqual([64, 64, 22]);
  expect(new Set(takes.flat().map(({ queue }) => queue)).size).toBe(150);
  expect(counts.dueQueues).toBe(0);
});

it("visits a named queue again by its polls, and forgets it after a minute without jobs", () => {
  const { queues, visit, after, counts } = startMany();
  expect([queues.markDue("a"), queues.noneWait("a"), queues.noneWait("b")]).toEqual([true, false, false]);
  visit();
  expect(queues.noneWait("a")).toBe(true);
  queues.found(["a"]);
  expect(counts.dueQueues).toBe(0);
  after(59_000);
  expect(visit().map(({ queue }) => queue)).toEqual(["a"]);
  after(1_000);
  expect(visit()).toEqual([]);
  expect(queues.noneWait("a")).toBe(false);
});

it("holds what was announced of a queue that it has forgotten meanwhile, where its take was not made", () => {
  const { queues, after, counts } = startMany();
  queues.markDue("a");
  const takes = queues.takes(false);
  after(60_000);
  expect(queues.takes(true)).toEqual([]);
  queues.missed(takes);
  expect(counts.dueQueues).toBe(1);
});

it("remembers for which of many queues a job is due later", () => {
  const { queues, after, counts } = startMany(["a", "b"]);
  queues.expect("a", 10);
  queues.expect("b", 30);
  queues.expect("b", 20);
  expect(queues.expectedInSeconds()).toBe(10);
  after(10_000);
  queues.markDue();
  expect([counts.dueQueues, queues.expectedInSeconds()]).toEqual([1, 10]);
  expect([queues.markDue("other"), queues.markDue("b")]).toEqual([false, true]);
  queues.set(["a", "b"]);
  expect([counts.queues, queues.expectedInSeconds()]).toEqual([2, null]);
});

it("goes on with a sweep that jobs of other types cut off in parts, and scans from its watermarks meanwhile", () => {
  const { queues, take, after } = start();
  const cutOff = (taken: QueueTake, mark: string) => {
    const passed = { queue: "plain", outcome: "empty" as const, more: true, watermarks: [mark] };
    return queues.note([taken], { queues: [passed], serverMs: 0 });
  };
  const end = (taken: QueueTake, mark: string) =>
    queues.note([taken], {
      queues: [{ queue: "plain", outcome: "empty", more: false, watermarks: [mark] }],
      serverMs: 0,
    });
  // The first pass goes on after a short pause, to its end.
  expect(cutOff(take(), "1")).toMatchObject([{ queue: "plain" }]);
  const second = take();
  expect(second).toMatchObject({ watermarks: ["1"], sweeps: false });
  end(second, "9");

  after(5_000);
  const sweep = take();
  expect(sweep).toMatchObject({ watermarks: null, sweeps: true });
  expect(cutOff(sweep, "2")).toEqual([]);
  after(5_500);
  const poll = take();
  expect(poll).toMatchObject({ watermarks: ["9"], sweeps: false });
  end(poll, "10");
  after(5_500);
  // A job was announced when a part was due: a scan from the watermarks, where it lies, follows.
  queues.markDue("plain");
  const part = take();
  expect(part).toMatchObject({ watermarks: ["2"], sweeps: true });
  expect(cutOff(part, "3")).toMatchObject([{ queue: "plain" }]);
  // What commits late is seen between two parts.
  expect(take()).toMatchObject({ watermarks: ["9"], sweeps: false });
  after(10_000);
  end(take(), "11");
  expect(take()).toMatchObject({ watermarks: ["11"], sweeps: false });
});

it("goes on behind the queues that were visited, also after the names were told again; announced ones come first in every other statement", () => {
  const counts = { queues: 0, dueQueues: 0, backlogQueues: 0, gaveAtMs: -Infinity };
  const queues = createQueuePositions(counts, { time: realTime, random: Math.random });
  const all = ["a", "b", "c", "d"];
  /** A statement with one place: the first queue gives, and the others are not visited. */
  const first = (): string => {
    queues.set(all);
    const takes = queues.takes(true);
    const [{ queue }] = takes as [QueueTake];
    queues.note([takes[0]!], { queues: [{ queue, outcome: "claimed", more: true, watermarks: ["1"] }], serverMs: 0 });
    return queue;
  };
  queues.set(all);
  expect([first(), first(), first(), first(), first()]).toEqual(["a", "b", "c", "d", "a"]);
  queues.markDue("a");
  // The announced one, then the others in their turn.
  expect([first(), first(), first()]).toEqual(["a", "b", "c"]);
  queues.markDue("a");
  queues.markDue("c");
  expect([first(), first()]).toEqual(["a", "d"]);
});
