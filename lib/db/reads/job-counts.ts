import { call } from "../drivers/call.ts";
import type { Db } from "../drivers/client.ts";
import type { Part } from "./part.ts";

/** Jobs of one queue and type. */
export interface JobCount {
  readonly queue: string;
  readonly type: string;
  /** Scheduled or pending. */
  readonly waiting: number;
  readonly leased: number;
  readonly running: number;
  readonly dead: number;
  readonly cancelled: number;
}

/** Dead and cancelled jobs are counted up to so many of each, and up to so many pages of finished jobs where vacuum has not come by. */
const MAX_FAILED = 500_000;
const MAX_PAGES = 350;

// Live jobs by the counters, those in flight by their leases.
const COUNTS = `/* forgeq:job_counts */
with counters as (
  select m.queue, m.type, sum(case when m.name in ('enqueued', 'retried') then m.value else -m.value end) as live
  from forgeq.metric_now m
  where m.name in ('enqueued', 'retried', 'finished_completed', 'finished_dead', 'finished_cancelled')
    and ($1::text[] is null or m.type = any ($1)) and ($2::text[] is null or m.queue = any ($2))
  group by m.queue, m.type),
held as (
  select l.queue, l.type, coalesce(sum(l.jobs) filter (where l.began_at is null), 0) as leased,
         coalesce(sum(l.jobs) filter (where l.began_at is not null), 0) as running
  from forgeq.list_leases($1, $2, null, 100000) l
  group by l.queue, l.type),
counted as materialized (
  select f.state, f.queue, f.type, f.jobs, f.complete from forgeq.count_failed('{dead,cancelled}', $3::int, $4::int) f),
failed as (
  select f.queue, f.type, coalesce(sum(f.jobs) filter (where f.state = 'dead'), 0) as dead,
         coalesce(sum(f.jobs) filter (where f.state = 'cancelled'), 0) as cancelled
  from counted f
  where f.queue is not null and ($1::text[] is null or f.type = any ($1)) and ($2::text[] is null or f.queue = any ($2))
  group by f.queue, f.type)
select a.complete, j.*
from (select bool_and(complete) as complete from counted) a
left join (
  select coalesce(c.queue, h.queue, f.queue) as queue, coalesce(c.type, h.type, f.type) as type,
         to_json(greatest(0, coalesce(c.live, 0) - coalesce(h.leased, 0) - coalesce(h.running, 0))::numeric) as waiting,
         to_json(coalesce(h.leased, 0)) as leased, to_json(coalesce(h.running, 0)) as running, to_json(coalesce(f.dead, 0)) as dead,
         to_json(coalesce(f.cancelled, 0)) as cancelled, coalesce(f.dead, 0) as n
  from counters c
  full join held h on h.queue = c.queue and h.type = c.type
  full join failed f on f.queue = coalesce(c.queue, h.queue) and f.type = coalesce(c.type, h.type)) j on true
order by j.n desc, j.queue, j.type`;

type CountRow = { readonly complete: boolean } & (JobCount | { readonly queue: null });

/**
 * The jobs of a part by queue and type, all of one snapshot; most dead ones first. `complete` is false where there are more dead or cancelled ones than were
 * counted.
 */
export const readJobCounts = async (
  db: Db,
  { types, queues }: Part,
): Promise<{ readonly by: readonly JobCount[]; readonly complete: boolean }> => {
  const rows = await call<CountRow>(db, COUNTS, [types, queues, MAX_FAILED, MAX_PAGES]);
  const by = rows.flatMap((row) => {
    if (row.queue === null) return [];
    const { queue, type, waiting, leased, running, dead, cancelled } = row;
    return [{ queue, type, waiting, leased, running, dead, cancelled }];
  });
  return { by, complete: rows.every(({ complete }) => complete) };
};
