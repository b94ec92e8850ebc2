import { expect, it } from "vitest";
import type { Benchmark } from "../../bench/benchmarks.ts";
import type { Measured, Run } from "../../bench/measure.ts";
import { tableOf } from "../../bench/report/table.ts";
import { inRounds } from "../../bench/rounds.ts";

const SYSTEMS = ["forgeq", "steady", "shaky", "broken"];

const benchmark: Benchmark = {
  name: "enqueue",
  title: "Enqueue",
  figure: "jobsPerSecond",
  runs: SYSTEMS.map((system) => ({ system, task: { kind: "enqueue", callers: 1, count: 1 } })),
  peers: { steady: { must: 2 }, shaky: { must: 3 }, broken: { must: 4 } },
};

const figures = (jobsPerSecond: number): Measured => ({
  jobsPerSecond,
  walBytes: null,
  statements: null,
  serverCpuMicros: 1,
  nodeCpuMicros: 1,
  p50Ms: null,
  p99Ms: null,
});

it("notes a round that failed, leaves it out of the figures, and goes on with the others", async () => {
  const ran: string[] = [];
  const measure = ({ system }: Run): Promise<Measured> => {
    ran.push(system);
    const nth = ran.filter((each) => each === system).length;
    if (system === "broken" || (system === "shaky" && nth === 2))
      return Promise.reject(new Error(`${system}: read ECONNRESET\n    at somewhere`));
    return Promise.resolve(figures(system === "forgeq" ? nth * 100 : nth * 10));
  };
  const said: string[] = [];
  const result = await inRounds(
    { measure },
    benchmark,
    3,
    () => false,
    (text) => said.push(text),
  );

  expect(ran).toHaveLength(12);
  expect(result.failed).toEqual({
    shaky: ["shaky: read ECONNRESET"],
    broken: Array<string>(3).fill("broken: read ECONNRESET"),
  });
  expect(result.systems["shaky"]).toMatchObject({ jobsPerSecond: 20, all: [10, 30] });
  expect(Object.keys(result.systems)).toEqual(["forgeq", "steady", "shaky"]);
  expect(result.ratios).toEqual({ steady: { ratio: 10, must: 2 }, shaky: { ratio: 10, must: 3 } });
  expect(said.filter((text) => text.includes("failed"))).toHaveLength(4);

  const table = tableOf(result);
  expect(table).toContain("10.00x (must 3x: met) (1 of 3 rounds failed)");
  expect(table).toMatch(/broken .*failed: broken: read ECONNRESET/);
});
