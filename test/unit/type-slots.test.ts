import { expect, it } from "vitest";
import { createTypeSlots } from "../../lib/queue/worker/type-slots.ts";

const setupSlots = () => {
  const limits = new Map([
    ["free", { type: "free", concurrency: 10, batchSize: 10 }],
    ["two", { type: "two", concurrency: 2, batchSize: 10 }],
  ]);
  const runnable: (readonly string[])[] = [];
  const types = createTypeSlots(limits, (now) => runnable.push(now));
  return { types, two: types.of("two"), free: types.of("free"), runnable: () => runnable.at(-1), told: runnable };
};

it("says which types another job can run of, and only when that changes", () => {
  const { types, two, free, runnable, told } = setupSlots();
  expect(runnable()).toEqual(["free", "two"]);
  for (let jobs = 0; jobs < 1_000; jobs += 1) expect(types.take(free)).toBe(true);
  expect([types.take(two), told.length]).toEqual([true, 1]);
  expect([types.take(two), runnable()]).toEqual([true, ["free"]]);
  expect(types.take(two)).toBe(false);
  expect([types.giveBack(two), runnable()]).toEqual([true, ["free", "two"]]);
});

it("begins what waits when a job ends, in order, and is not free before", () => {
  const { types, two, runnable } = setupSlots();
  const begun: number[] = [];
  types.take(two);
  types.take(two);
  for (const n of [1, 2]) types.wait(two, () => begun.push(n));
  expect([types.giveBack(two), begun, runnable()]).toEqual([false, [1], ["free"]]);
  expect([types.giveBack(two), begun]).toEqual([false, [1, 2]]);
  expect([types.giveBack(two), runnable()]).toEqual([true, ["free", "two"]]);
});

it("begins all that waits when it is told to, also where each ends immediately", () => {
  const { types, two } = setupSlots();
  types.take(two);
  types.take(two);
  let begun = 0;
  for (let n = 0; n < 3; n += 1) types.wait(two, () => ((begun += 1), types.giveBack(two)));
  types.beginAll();
  expect([begun, two.running, two.waiting.length]).toEqual([3, 2, 0]);
  expect(() => types.of("other")).toThrow("no handler of type other");
});
