import { expect, it } from "vitest";
import { beginScan, didScan, endScan, isSweepDue, missScan, unscanned } from "../../lib/queue/run/watermarks.ts";

const MARKS = ["1"];

it("sweeps at first, then goes on from its watermarks, and sweeps again after five seconds", () => {
  const position = unscanned();
  expect(isSweepDue(position, 0)).toBe(true);
  expect(beginScan(position, 0, true)).toBeNull();
  endScan(position, null, { outcome: "claimed", watermarks: MARKS, more: false }, 250);
  expect(isSweepDue(position, 4_999)).toBe(false);
  expect(beginScan(position, 4_999, false)).toBe(MARKS);
  endScan(position, MARKS, { outcome: "empty", watermarks: ["2"], more: false }, 9_000);
  expect(position.marks).toEqual(["2"]);
  expect(isSweepDue(position, 5_000)).toBe(true);
});

it.each(["full", "busy", "paused"] as const)(
  "owes the sweep of a queue that answered %s, and keeps watermarks",
  (outcome) => {
    expect(didScan({ outcome })).toBe(false);
    const position = { marks: MARKS, sweptAtMs: 10, sweepMs: 0, sweepFrom: null, lateMarks: null };
    endScan(position, MARKS, { outcome, watermarks: null, more: false }, 9_000);
    expect(position).toEqual({ marks: MARKS, sweptAtMs: 10, sweepMs: 0, sweepFrom: null, lateMarks: null });
    endScan(position, beginScan(position, 20, true), { outcome, watermarks: null, more: false }, 9_000);
    expect(isSweepDue(position, 20)).toBe(true);
  },
);

it("owes a sweep that was not made", () => {
  const position = unscanned();
  missScan(position, beginScan(position, 0, true));
  expect(isSweepDue(position, 0)).toBe(true);
});

it("sweeps less often where a sweep takes long: for a twentieth of the time at most", () => {
  const position = unscanned();
  endScan(position, beginScan(position, 0, true), { outcome: "empty", watermarks: MARKS, more: false }, 1_000);
  expect(isSweepDue(position, 19_999)).toBe(false);
  expect(isSweepDue(position, 20_000)).toBe(true);
  endScan(position, beginScan(position, 20_000, true), { outcome: "empty", watermarks: MARKS, more: false }, 10);
  expect(isSweepDue(position, 24_999)).toBe(false);
  expect(isSweepDue(position, 25_000)).toBe(true);
});
