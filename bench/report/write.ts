import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Machine } from "../machine.ts";
import type { Result } from "../rounds.ts";
import { bars, type Line, lines } from "./plot.ts";
import { tableOf } from "./table.ts";

const FOLDER = join(import.meta.dirname, "..", "..", "docs", "performance");

/** What a study wants drawn. */
export interface Drawn {
  readonly plot: { readonly title: string; readonly x: string; readonly y: string; readonly lines: readonly Line[] };
}

const isResult = (found: unknown): found is Result => typeof found === "object" && found !== null && "ratios" in found;
const isDrawn = (found: unknown): found is Drawn => typeof found === "object" && found !== null && "plot" in found;

const plotOf = (result: Result): string => {
  const unit = result.figure === "jobsPerSecond" ? "jobs/s" : "ms, p50";
  return bars(
    `${result.title} (${unit})`,
    Object.entries(result.systems).map(([label, figures]) => {
      const value = figures[result.figure] ?? 0;
      const places = result.figure === "p50Ms" ? 2 : 0;
      return { label, value, text: value.toLocaleString("en", { maximumFractionDigits: places }) };
    }),
  );
};

/** Puts results into docs/performance: results.json with all of them, a plot each, and the tables of the comparisons. */
export const writeResults = (machine: Machine, found: Readonly<Record<string, unknown>>): void => {
  mkdirSync(FOLDER, { recursive: true });
  const file = join(FOLDER, "results.json");
  const before = existsSync(file)
    ? (JSON.parse(readFileSync(file, "utf8")) as { results: Record<string, unknown> })
    : { results: {} };
  const results = { ...before.results, ...found };
  writeFileSync(file, `${JSON.stringify({ machine, results }, null, 2)}\n`);
  for (const [name, result] of Object.entries(found)) {
    if (isResult(result)) writeFileSync(join(FOLDER, `${name}.svg`), plotOf(result));
    if (isDrawn(result)) {
      const { title, x, y, lines: list } = result.plot;
      writeFileSync(join(FOLDER, `${name}.svg`), lines(title, x, y, list));
    }
  }
  const tables = Object.values(results).filter(isResult).map(tableOf);
  writeFileSync(
    join(FOLDER, "tables.md"),
    `# Comparisons\n\nMade by \`npm run bench -- --write\`.\n\n${tables.join("\n")}`,
  );
};
