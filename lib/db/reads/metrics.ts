import { call, only } from "../drivers/call.ts";
import type { Db } from "../drivers/client.ts";

/** One number of one queue and type, as migrations/functions/metric_ends.sql names them. Only ever grows. */
export interface CounterRow {
  readonly queue: string;
  readonly type: string;
  readonly name: string;
  readonly value: number;
}

const READ = `/* forgeq:metrics */
select queue, type, name, value::float8 as value from forgeq.metric_now
where $1::text[] is null or queue = any ($1)
order by queue, type, name`;

/** Every counter and histogram of these queues, of all where `queues` is null; exact to the last commit. Histograms as jobs per bucket. */
export const readCounters = (db: Db, queues: readonly string[] | null = null): Promise<CounterRow[]> =>
  call<CounterRow>(db, READ, [queues]);

const FOLD = `/* forgeq:metric_fold */
select forgeq.metric_fold($1::timestamptz) as folded`;

/** Adds what was counted since the last fold to the totals; false when another caller is at it. */
export const foldCounters = async (db: Db, at: Date | null): Promise<boolean> =>
  only(await db.query<{ folded: boolean }>(FOLD, [at])).folded;

const LAST_TICK = `/* forgeq:last_tick */
select extract(epoch from folded_at)::float8 as seconds from forgeq.metric_state`;

/** When the last tick folded the counters, in seconds since 1970. */
export const lastTick = async (db: Db): Promise<number> =>
  only(await call<{ seconds: number }>(db, LAST_TICK, [])).seconds;
