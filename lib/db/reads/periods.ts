import { call } from "../drivers/call.ts";
import type { Db } from "../drivers/client.ts";
import type { Part } from "./part.ts";

/** What happened in one period, by the positions of migrations/functions/metric_position.sql. */
export interface PeriodRow {
  readonly at: Date;
  readonly counts: readonly number[];
}

// Of one part: what is folded, and what is not yet, spread over the time since. The view comes first among the tables, so that the deltas are locked before the
// snapshot is taken: see metric_now.
const PERIODS = `/* forgeq:periods */
with fresh as (
  select f.is_late, jsonb_agg(f) as sums from forgeq.metric_fresh f
  where ($4::text[] is null or f.type = any ($4)) and ($5::text[] is null or f.queue = any ($5))
  group by f.is_late),
rows as (
  select p.at, p.counts from forgeq.metric_period p
  where p.step = $2::int and p.at >= $1::timestamptz
    and p.series = any (case when $4 is null and $5 is null then '{0}'
                             else array(select s.id from forgeq.metric_series s
                                        where ($4 is null or s.type = any ($4)) and ($5 is null or s.queue = any ($5))) end)
  union all
  select s.begins, s.counts
  from forgeq.metric_state m
  cross join fresh
  cross join lateral forgeq.metric_spread(
    fresh.sums, case when fresh.is_late then m.folded_before else m.folded_at end,
    case when fresh.is_late then m.folded_at else coalesce($6::timestamptz, clock_timestamp()) end, array[$2::int]) s
  where s.queue is null and s.begins >= $1)
select w.at, json_agg(w.n::numeric order by w.position) as counts
from (
  select date_bin(make_interval(secs => $3::int), r.at, $1) as at, u.position, sum(u.n) as n
  from rows r
  cross join unnest(r.counts) with ordinality as u(n, position)
  group by 1, 2) w
group by w.at
order by w.at`;

/**
 * What happened since `from`, in periods of `outSeconds` that begin with it; empty ones are left out. Exact to the last commit.
 *
 * @param stepSeconds - the length of the rows that are read: 60, 900 or 3600
 */
export const readPeriods = (
  db: Db,
  window: { readonly from: Date; readonly stepSeconds: number; readonly outSeconds: number },
  { types, queues }: Part,
  at: Date | null,
): Promise<PeriodRow[]> =>
  call<PeriodRow>(db, PERIODS, [window.from, window.stepSeconds, window.outSeconds, types, queues, at]);

const NOW = `/* forgeq:now */
select coalesce($1::timestamptz, clock_timestamp()) as now`;

/** The database's clock. */
export const readNow = async (db: Db, at: Date | null): Promise<Date> =>
  at ?? (await call<{ now: Date }>(db, NOW, [at]))[0]!.now;
