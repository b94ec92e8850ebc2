import { expect, it } from "vitest";
import { createRunning } from "../../lib/queue/run/running-jobs.ts";
import type { Time } from "../../lib/queue/time.ts";
import { createVirtualTime } from "../support/virtual-time.ts";

/** Jobs that have 60 s each; what is aborted is noted with the second. */
const setup = () => {
  const virtual = createVirtualTime(0);
  const timers = { made: 0, set: 0 };
  const time: Time = {
    ...virtual.time,
    after: (ms, run) => {
      timers.made += 1;
      timers.set += 1;
      const cancel = virtual.time.after(ms, () => {
        timers.set -= 1;
        run();
      });
      return () => {
        timers.set -= 1;
        cancel();
      };
    },
  };
  const running = createRunning(time, 60);
  const aborted: string[] = [];
  const add = (id: string) =>
    running.add(id, {
      startedAtMs: virtual.now(),
      abort: (cause) => aborted.push(`${id} ${cause} at ${virtual.now() / 1000}`),
      fail: (error) => aborted.push(`${id} ${String(error)}`),
    });
  return { running, add, aborted, timers, pass: virtual.pass };
};

it("aborts each job when its own time is up", async () => {
  const { running, add, aborted, pass } = setup();
  add("a");
  await pass(10);
  add("b");
  add("ended");
  await pass(30);
  running.delete("ended");
  await pass(20);
  expect(aborted).toEqual(["a timed_out at 60"]);
  running.delete("a");
  add("c");
  await pass(10);
  running.delete("b");
  await pass(50);
  expect(aborted).toEqual(["a timed_out at 60", "b timed_out at 70", "c timed_out at 120"]);
});

it("gives a job its whole time when the one before it has ended", async () => {
  const { running, add, aborted, pass } = setup();
  add("a");
  await pass(50);
  add("b");
  running.delete("a");
  await pass(59);
  expect(aborted).toEqual([]);
  await pass(1);
  expect(aborted).toEqual(["b timed_out at 110"]);
});

it("sets one timer for all jobs, and leaves none behind", () => {
  const { running, add, timers } = setup();
  for (let n = 0; n < 100; n += 1) add(String(n));
  expect(timers).toEqual({ made: 1, set: 1 });
  for (let n = 0; n < 100; n += 1) running.delete(String(n));
  expect(timers).toEqual({ made: 1, set: 0 });
});
