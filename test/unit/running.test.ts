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
    running.add({
      id,
      startedAtMs: virtual.now(),
      abort: (cause) => aborted.push(`${id} ${cause} at ${virtual.now() / 1000}`),
      fail: (error) => aborted.push(`${id} ${String(error)}`),
    });
  return { running, add, aborted, timers, pass: virtual.pass };
};

it("aborts each job when its own time is up", async () => {
  const { running, add, aborted, pass } = setup();
  const a = add("a");
  await pass(10);
  const b = add("b");
  const ended = add("ended");
  await pass(30);
  running.delete(ended);
  await pass(20);
  expect(aborted).toEqual(["a timed_out at 60"]);
  running.delete(a);
  add("c");
  await pass(10);
  running.delete(b);
  await pass(50);
  expect(aborted).toEqual(["a timed_out at 60", "b timed_out at 70", "c timed_out at 120"]);
});

it("gives a job its whole time when the one before it has ended", async () => {
  const { running, add, aborted, pass } = setup();
  const a = add("a");
  await pass(50);
  add("b");
  running.delete(a);
  await pass(59);
  expect(aborted).toEqual([]);
  await pass(1);
  expect(aborted).toEqual(["b timed_out at 110"]);
});

it("sets one timer for all jobs, and leaves none behind", () => {
  const { running, add, timers } = setup();
  const places = Array.from({ length: 100 }, (_, n) => add(String(n)));
  expect(timers).toEqual({ made: 1, set: 1 });
  for (const place of places) running.delete(place);
  expect(timers).toEqual({ made: 1, set: 0 });
});

it("names, fails and aborts those that run, by their ids, and keeps the others from beginning", () => {
  const { running, add, aborted } = setup();
  running.delete(add("before"));
  const a = add("a");
  add("b");
  running.delete(a);
  add("c");
  expect([running.ids(), running.size()]).toEqual([["b", "c"], 2]);
  expect([running.fail("a", "no"), running.fail("c", "no")]).toEqual([false, true]);
  running.abort(["a", "b", "later"], "cancelled", "");
  expect(aborted).toEqual(["c no", "b cancelled at 0"]);
  expect([running.mayNotBegin("later"), running.mayNotBegin("other")]).toEqual([true, false]);
  running.abortAll("shutdown", "");
  expect(aborted.slice(2)).toEqual(["b shutdown at 0", "c shutdown at 0"]);
  expect(running.mayNotBegin("other")).toBe(true);
});
