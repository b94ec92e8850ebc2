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
select queue, type, name, to_json(value) as value from forgeq.metric_now
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
select to_json(extract(epoch from greatest(m.folded_at, max(t.done_at)))) as seconds,
       coalesce(jsonb_object_agg(t.part, extract(epoch from t.done_at)) filter (where t.done_at is not null), '{}') as parts
from forgeq.metric_state m
left join forgeq.tick_part t on true
group by m.folded_at`;

export interface LastTick {
  readonly seconds: number;
  /** When each part last went without a failure. */
  readonly parts: Readonly<Record<string, number>>;
}

/** When the last tick ran, in seconds since 1970. */
export const lastTick = async (db: Db): Promise<LastTick> => only(await call<LastTick>(db, LAST_TICK, []));
