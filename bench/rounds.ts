import type { Benchmark } from "./benchmarks.ts";
import type { Bench, Measured } from "./measure.ts";

export const median = (numbers: readonly number[]): number => {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? NaN)
    : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
};

const FIELDS = [
  "jobsPerSecond",
  "walBytes",
  "statements",
  "serverCpuMicros",
  "nodeCpuMicros",
  "p50Ms",
  "p99Ms",
] as const;

/** The median of each figure by itself. */
export const mediansOf = (runs: readonly Measured[]): Measured =>
  Object.fromEntries(
    FIELDS.map((field) => {
      const numbers = runs.map((run) => run[field]).filter((number) => number !== null);
      return [field, numbers.length === 0 ? null : median(numbers)];
    }),
  ) as unknown as Measured;

export interface Result {
  readonly name: string;
  readonly title: string;
  readonly figure: Benchmark["figure"];
  readonly rounds: number;
  readonly systems: Readonly<Record<string, Measured & { readonly all: readonly number[] }>>;
  /** ForgeQ's figure by the peer's: the median of the rounds' own ratios, because a noisy machine is noisy for both of a round. */
  readonly ratios: Readonly<Record<string, { readonly ratio: number; readonly must?: number; readonly goal?: number }>>;
}

/** Each round runs every queue once, beginning with another one each time. */
export const inRounds = async (
  bench: Bench,
  benchmark: Benchmark,
  rounds: number,
  skip: (system: string) => boolean,
  onRun: (text: string) => void,
): Promise<Result> => {
  const runs = benchmark.runs.filter(({ system }) => !skip(system));
  const measured = new Map<string, Measured[]>(runs.map(({ system }) => [system, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (let n = 0; n < runs.length; n += 1) {
      const run = runs[(n + round) % runs.length];
      if (run === undefined) continue;
      const found = await bench.measure(run);
      measured.get(run.system)?.push(found);
      onRun(`${benchmark.name} ${round + 1}/${rounds} ${run.system}: ${Math.round(found.jobsPerSecond)}/s`);
    }
  }
  const figures = (system: string) => (measured.get(system) ?? []).map((run) => run[benchmark.figure] ?? NaN);
  const forgeq = figures("forgeq");
  return {
    name: benchmark.name,
    title: benchmark.title,
    figure: benchmark.figure,
    rounds,
    systems: Object.fromEntries(
      [...measured].map(([system, list]) => [system, { ...mediansOf(list), all: figures(system) }]),
    ),
    ratios: Object.fromEntries(
      Object.entries(benchmark.peers)
        .filter(([system]) => (measured.get(system)?.length ?? 0) > 0)
        .map(([system, bounds]) => {
          const peer = figures(system);
          return [system, { ratio: median(forgeq.map((figure, round) => figure / (peer[round] ?? NaN))), ...bounds }];
        }),
    ),
  };
};
