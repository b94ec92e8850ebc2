import { toWireStats } from "../http/activity-wire.ts";
import { type Happened, periodStats, type Window } from "../queue/observe/period-stats.ts";
import type { GlobalOptions } from "./command.ts";
import { withDeps } from "./deps.ts";
import { COLUMNS } from "./columns.ts";
import { count, printTable } from "./table.ts";
import { printJson, say } from "./terminal.ts";

export interface PeriodOptions {
  readonly window?: Window;
  readonly type?: readonly string[];
  readonly queue?: readonly string[];
}

const inSeconds = (value: number | null): string => (value === null ? "" : `${Number(value.toPrecision(3))}s`);

const rowOf = (name: string, { enqueued, completed, failed, dead, cancelled, wait, run }: Happened): string[] => [
  name,
  ...[enqueued, completed, failed, dead, cancelled].map((jobs) => count(Math.round(jobs))),
  ...[wait.p50, wait.p95, run.p50, run.p95].map(inSeconds),
];

/** `forgeq stats --window`: the sums, and the steps in which something happened; with --json what GET /stats answers. */
export const runPeriodStats = (options: PeriodOptions & GlobalOptions & { readonly window: Window }): Promise<void> =>
  withDeps(options, { migrate: "schema", part: "read" }, async (deps) => {
    const { window, type, queue } = options;
    const stats = await periodStats(deps, window, { types: type ?? null, queues: queue ?? null });
    if (options.json === true) return printJson(toWireStats(stats));
    const busy = stats.points.filter(
      ({ enqueued, completed, failed, dead, cancelled }) => enqueued + completed + failed + dead + cancelled > 0,
    );
    const steps = busy.map((point) => rowOf(point.at.toISOString().slice(0, 16).replace("T", " "), point));
    printTable(COLUMNS.periods, [...steps, rowOf(`all of ${window}`, stats.totals)], options);
    if (busy.length === 0) say(`Nothing has happened within ${window}.`);
  });
