import { describe, expect, it } from "vitest";
import type { Measured } from "../scale/meter.ts";
import { check, tableOf } from "../scale/report.ts";
import { boundsFor } from "../scale/bounds.ts";

const SIZES = { finished: 1, waiting: 2, schedules: 3, queues: 4 };

const cost = (name: string, more: Partial<Measured> = {}): Measured => ({
  name,
  statements: 1,
  buffers: 9,
  walBytes: 450,
  tempBlocks: 0,
  serverMs: 0.15,
  locks: 7,
  ...more,
});

const over = (...results: readonly Measured[]) =>
  check(results, SIZES, false).flatMap((each) => each.over.map((why) => `${each.measured.name}: ${why}`));

describe("the scale bench", () => {
  it("passes a call that is within its bound", () => {
    expect(over(cost("enqueue"))).toEqual([]);
  });

  it("names each figure that exceeds its bound, a failed call, and a call without a bound", () => {
    expect(over(cost("enqueue", { buffers: 13, locks: 61, tempBlocks: 2 }))).toEqual([
      "enqueue: 13 buffers, 12 at most",
      "enqueue: 2 blocks of temporary files",
      "enqueue: 61 locks, 60 at most",
    ]);
    expect(over({ name: "enqueue", failed: "refused" })).toEqual(["enqueue: refused"]);
    expect(over(cost("unheard of"))).toEqual(["unheard of: it has no bound"]);
  });

  it("allows a call a quarter and sixty buffers more beside holders than without them, and never more than its bound", () => {
    const name = "take of 100 again";
    const beside = (before: number, after: number) =>
      over(cost(name, { buffers: before }), cost(`${name} beside holders`, { buffers: after }));
    expect(beside(100, 185)).toEqual([]);
    expect(over(cost("recover again"), cost("recover again beside holders", { buffers: 500 }))).toEqual([]);
    expect(beside(100, 186)).toEqual([`${name} beside holders: 186 buffers, 185 at most`]);
    expect(beside(900, 951)).toEqual([`${name} beside holders: 951 buffers, 950 at most`]);
  });

  it("names a bound whose call nobody makes any more", () => {
    const names = Object.keys(boundsFor(SIZES));
    const checked = check(
      names.slice(1).map((name) => cost(name, { buffers: 1 })),
      SIZES,
      true,
    );
    expect(checked.filter((each) => each.over.length > 0)).toMatchObject([
      { measured: { name: names[0] }, over: ["nothing calls it"] },
    ]);
  });

  it("writes a table, with what exceeds its bound in bold", () => {
    const table = tableOf(
      check([cost("enqueue", { buffers: 1_300 }), cost("extend", { buffers: 6 })], SIZES, false),
      SIZES,
    );
    expect(table).toContain("| enqueue | **1,300** | 12 | 450 | 7 | 1 | 0.15 |");
    expect(table).toContain("| extend | 6 | 6 | 450 | 7 | 1 | 0.15 |");
  });
});
