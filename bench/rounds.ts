import type { Benchmark } from "./benchmarks.ts";
import type { Bench, Measured } from "./measure.ts";
import { messageOf } from "../lib/core/reason.ts";

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
  /** Why rounds of a system failed, one reason for each: they are left out of its figures. */
  readonly failed: Readonly<Record<string, readonly string[]>>;
}

/** Each round runs every queue once, beginning with another one each time. A run that fails is noted, and the others go on. */
export const inRounds = async (
  bench: Pick<Bench, "measure">,
  benchmark: Benchmark,
  rounds: number,
  skip: (system: string) => boolean,
  onRun: (text: string) => void,
): Promise<Result> => {
  const runs = benchmark.runs.filter(({ system }) => !skip(system));
  const measured = new Map<string, (Measured | null)[]>(runs.map(({ system }) => [system, []]));
  const failed: Record<string, string[]> = {};
  for (let round = 0; round < rounds; round += 1) {
    for (let n = 0; n < runs.length; n += 1) {
      const run = runs[(n + round) % runs.length];
      if (run === undefined) continue;
      const at = `${benchmark.name} ${round + 1}/${rounds} ${run.system}`;
      const found = await bench.measure(run).catch((error: unknown) => {
        const [reason = ""] = messageOf(error).split("\n");
        (failed[run.system] ??= []).push(reason);
        onRun(`${at}: failed, ${reason}`);
        return null;
      });
      measured.get(run.system)?.push(found);
      if (found !== null) onRun(`${at}: ${Math.round(found.jobsPerSecond)}/s`);
    }
  }
  const figures = (system: string) => (measured.get(system) ?? []).map((run) => run?.[benchmark.figure] ?? NaN);
  const isNumber = (figure: number): boolean => !Number.isNaN(figure);
  const forgeq = figures(benchmark.subject ?? "forgeq");
  const ratios = Object.entries(benchmark.peers).map(([system, bounds]) => {
    const peer = figures(system);
    const own = forgeq.map((figure, round) => figure / (peer[round] ?? NaN)).filter(isNumber);
    return [system, { ratio: median(own), ...bounds }] as const;
  });
  return {
    name: benchmark.name,
    title: benchmark.title,
    figure: benchmark.figure,
    rounds,
    systems: Object.fromEntries(
      [...measured]
        .map(([system, list]) => [system, list.filter((run) => run !== null)] as const)
        .filter(([, list]) => list.length > 0)
        .map(([system, list]) => [system, { ...mediansOf(list), all: figures(system).filter(isNumber) }]),
    ),
    ratios: Object.fromEntries(ratios.filter(([, { ratio }]) => isNumber(ratio))),
    failed,
  };
};
