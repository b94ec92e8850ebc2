import { expect, it } from "vitest";
import { realTime } from "../../lib/queue/time.ts";
import { createWorkerQueues, type Look } from "../../lib/queue/worker/queue-positions.ts";

const found = (more: boolean, name: string, outcome: "claimed" | "full" = "claimed") => ({
  settled: {},
  wakeSeconds: null,
  leases: [],
  dueSeconds: null,
  serverMs: 0,
  housekeeping: null,
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
  const queues = createWorkerQueues({ ...realTime, elapsedMs: () => nowMs }, Math.random);
  queues.set(["plain"]);
  const look = (): Look => queues.takes(true)[0]!;
  return {
    queues,
    look,
    after: (ms: number) => {
      nowMs += ms;
    },
    answer: (looked: Look, more: boolean, name: string, outcome?: "full") =>
      queues.note([looked], found(more, name, outcome)),
  };
};

it("sweeps first, and goes on near while more jobs wait", () => {
  const { look, answer } = start();
  const first = look();
  expect(first).toMatchObject({ watermarks: null, continued: false });
  answer(first, true, "1");
  const second = look();
  expect(second).toMatchObject({ watermarks: ["near 1"], near: true });
  answer(second, true, "2");
  expect(look()).toMatchObject({ watermarks: ["near 2"], near: true });
});

it("looks widely ten times a second, from where the last wide look says", () => {
  const { look, answer, after } = start();
  answer(look(), true, "1");
  answer(look(), true, "2");
  after(100);
  const wide = look();
  expect(wide).toMatchObject({ watermarks: ["wide 1"], continued: false });
  answer(wide, true, "3");
  expect(look()).toMatchObject({ watermarks: ["near 3"], near: true });
});

it("looks widely once a look was not cut off, and when somebody tells of a job", () => {
  const { look, answer, queues } = start();
  answer(look(), true, "1");
  answer(look(), false, "2");
  const wide = look();
  expect(wide).toMatchObject({ watermarks: ["wide 1"], continued: false });
  answer(wide, true, "3");
  queues.heat("plain");
  expect(look()).toMatchObject({ watermarks: ["wide 3"], continued: false });
});

it.each(["answered `full`", "not made"])("sweeps once more when a sweep was %s, which scans nothing", (how) => {
  const { look, answer, queues, after } = start();
  answer(look(), false, "0");
  after(5_000);
  const sweep = look();
  expect(sweep).toMatchObject({ watermarks: null });
  if (how === "not made") queues.unseen([sweep]);
  else answer(sweep, false, "0", "full");
  const again = look();
  expect(again).toMatchObject({ watermarks: null, continued: false });
  answer(again, false, "1");
  expect(look()).toMatchObject({ watermarks: ["wide 1"], continued: false });
});

it("looks widely once more when a wide look was not made", () => {
  const { look, answer, queues, after } = start();
  answer(look(), true, "1");
  after(100);
  queues.unseen([look()]);
  const wide = look();
  expect(wide).toMatchObject({ watermarks: ["wide 1"], continued: false });
  answer(wide, true, "2");
  expect(look()).toMatchObject({ watermarks: ["near 2"], near: true });
});
