import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ticksOf } from "../../bench/report/plot.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const SCRIPTS = {
  "bin/start.js": "--wrong",
  "bench/run.ts": "no-such-benchmark",
  "bench/compare.ts": "no-such-folder",
  "test/scale/run.ts": "--wrong",
  "packaging/stage.mjs": "--wrong",
  "esbuild.config.mjs": "wrong",
};

const run = (script: string, argument: string) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, argument], { cwd: ROOT, encoding: "utf8" });
  return { status, stdout, stderr };
};

describe.each(Object.entries(SCRIPTS))("%s", (script, wrong) => {
  it("prints how it is called, and does nothing else", () => {
    const { status, stdout, stderr } = run(script, "--help");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/^usage: npm /);
  });

  it("refuses what it does not take", () => {
    const { status, stdout, stderr } = run(script, wrong);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain("usage: npm ");
  });
});

it.each([
  [
    [0, 2.43],
    [0, 0.5, 1, 1.5, 2, 2.5],
  ],
  [
    [0, 5.7],
    [0, 2, 4, 6],
  ],
  [
    [1, 16],
    [0, 5, 10, 15, 20],
  ],
  [
    [100_000, 5_000_000],
    [0, 1_000_000, 2_000_000, 3_000_000, 4_000_000, 5_000_000],
  ],
  [[0, 0], [0]],
] as const)("an axis over %j has the ticks %j", ([least, most], ticks) => {
  expect(ticksOf(least, most)).toEqual(ticks);
});
