import { BUCKET_SECONDS } from "../../core/buckets.ts";
import { percentile } from "../../core/percentile.ts";
import type { Part } from "../../db/reads/part.ts";
import { readNow, readPeriods } from "../../db/reads/periods.ts";
import type { Deps } from "../deps.ts";

/** How long back, and in which steps: rows of `stepSeconds` are added to points of `outSeconds`. */
export const WINDOWS = {
  "1h": { seconds: 3_600, stepSeconds: 60, outSeconds: 60 },
  "24h": { seconds: 86_400, stepSeconds: 900, outSeconds: 900 },
  "7d": { seconds: 604_800, stepSeconds: 3_600, outSeconds: 3_600 },
  "30d": { seconds: 2_592_000, stepSeconds: 3_600, outSeconds: 21_600 },
} as const;
export type Window = keyof typeof WINDOWS;
export const WINDOW_NAMES = Object.keys(WINDOWS) as [Window, ...Window[]];

/** Seconds; null where nothing began. */
export interface Percentiles {
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}

/** What happened in some time. */
export interface Happened {
  /** Jobs stored or retried by hand. */
  readonly enqueued: number;
  readonly completed: number;
  /** Attempts that failed. */
  readonly failed: number;
  readonly dead: number;
  readonly cancelled: number;
  /** From due to begun, of attempts that ended. */
  readonly wait: Percentiles;
  /** From begun to ended. */
  readonly run: Percentiles;
}

export interface PeriodStats {
  readonly window: Window;
  readonly stepSeconds: number;
  readonly from: Date;
  readonly to: Date;
  readonly totals: Happened;
  /** Every step of the window, oldest first. */
  readonly points: readonly (Happened & { readonly at: Date })[];
}

const FIRST_WAIT = 5;
const FIRST_RUN = FIRST_WAIT + BUCKET_SECONDS.wait.length + 1;
const POSITIONS = FIRST_RUN + BUCKET_SECONDS.run.length + 1;
const NOTHING: readonly number[] = Array<number>(POSITIONS).fill(0);

const percentiles = (counts: readonly number[], bounds: readonly number[]): Percentiles => ({
  p50: percentile(counts, bounds, 0.5),
  p95: percentile(counts, bounds, 0.95),
  p99: percentile(counts, bounds, 0.99),
});

const happened = (counts: readonly number[]): Happened => {
  const [enqueued = 0, completed = 0, failed = 0, dead = 0, cancelled = 0] = counts;
  const wait = percentiles(counts.slice(FIRST_WAIT, FIRST_RUN), BUCKET_SECONDS.wait);
  const run = percentiles(counts.slice(FIRST_RUN), BUCKET_SECONDS.run);
  return { enqueued, completed, failed, dead, cancelled, wait, run };
};

/** What happened to the jobs of a part in the last hour, day, week or month, exact to the last commit; the last step is the one that has just begun. */
export const periodStats = async (deps: Deps, window: Window, part: Part): Promise<PeriodStats> => {
  const { seconds, stepSeconds, outSeconds } = WINDOWS[window];
  const to = await readNow(deps.db, deps.clock());
  const outMs = outSeconds * 1_000;
  const lastMs = Math.floor(to.getTime() / outMs) * outMs;
  const steps = seconds / outSeconds;
  const from = new Date(lastMs - (steps - 1) * outMs);
  const rows = await readPeriods(deps.db, { from, stepSeconds, outSeconds }, part, deps.clock());
  const byTime = new Map(rows.map((row) => [row.at.getTime(), row.counts]));
  const points = Array.from({ length: steps }, (_, n) => {
    const at = new Date(from.getTime() + n * outMs);
    return { at, ...happened(byTime.get(at.getTime()) ?? NOTHING) };
  });
  const sums = NOTHING.map((_, n) => rows.reduce((sum, { counts }) => sum + (counts[n] ?? 0), 0));
  return { window, stepSeconds: outSeconds, from, to, totals: happened(sums), points };
};
