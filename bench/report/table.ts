import type { Result } from "../rounds.ts";

const digits = (number: number | null, places: number): string =>
  number === null || Number.isNaN(number) ? "" : number.toLocaleString("en", { maximumFractionDigits: places });

const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;

const verdict = (result: Result, system: string): string => {
  const found = result.ratios[system];
  const failures = result.failed?.[system]?.length ?? 0;
  const note = failures === 0 ? "" : ` (${failures} of ${result.rounds} rounds failed)`;
  return `${found === undefined ? "" : boundsOf(result, found)}${note}`.trim();
};

const boundsOf = (result: Result, found: NonNullable<Result["ratios"][string]>): string => {
  const lowerIsBetter = result.figure === "p50Ms";
  const passes = (bound: number | undefined) =>
    bound !== undefined && (lowerIsBetter ? found.ratio <= bound : found.ratio >= bound);
  const ratio = `${found.ratio.toFixed(2)}x`;
  if (passes(found.goal)) return `${ratio} (goal ${found.goal}x: met)`;
  if (passes(found.must)) return `${ratio} (must ${found.must}x: met)`;
  return found.must === undefined ? ratio : `${ratio} (must ${found.must}x: **missed**)`;
};

/** One benchmark as a Markdown table: a line for each queue, with ForgeQ's ratio to it. */
export const tableOf = (result: Result): string =>
  [
    `### ${result.title}`,
    "",
    row(["", "jobs/s", "p50 ms", "p99 ms", "WAL B/job", "statements/job", "server µs/job", "Node µs/job", "ForgeQ is"]),
    row(["---", ...Array<string>(7).fill("---:"), "---"]),
    ...Object.entries(result.systems).map(([system, figures]) =>
      row([
        system,
        digits(figures.jobsPerSecond, 0),
        digits(figures.p50Ms, 2),
        digits(figures.p99Ms, 2),
        digits(figures.walBytes, 0),
        digits(figures.statements, 4),
        digits(figures.serverCpuMicros, 1),
        digits(figures.nodeCpuMicros, 1),
        verdict(result, system),
      ]),
    ),
    ...Object.entries(result.failed ?? {})
      .filter(([system]) => result.systems[system] === undefined)
      .map(([system, reasons]) => row([system, ...Array<string>(7).fill(""), `failed: ${reasons[0]}`])),
    "",
  ].join("\n");
