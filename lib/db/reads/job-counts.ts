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

/** Dead and cancelled jobs are counted up to so many of each. */
export const MAX_FAILED = 500_000;

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
  group by l.queue, l.type)
select coalesce(c.queue, h.queue, f.queue) as queue, coalesce(c.type, h.type, f.type) as type,
       to_json(greatest(0, coalesce(c.live, 0) - coalesce(h.leased, 0) - coalesce(h.running, 0))::numeric) as waiting,
       to_json(coalesce(h.leased, 0)) as leased, to_json(coalesce(h.running, 0)) as running, to_json(coalesce(f.dead, 0)) as dead,
       to_json(coalesce(f.cancelled, 0)) as cancelled
from counters c
full join held h on h.queue = c.queue and h.type = c.type
full join forgeq.failed_counts($1, $2, $3::int) f on f.queue = coalesce(c.queue, h.queue) and f.type = coalesce(c.type, h.type)
order by coalesce(f.dead, 0) desc, 1, 2`;

/** The jobs of a part by queue and type, all of one snapshot; most dead ones first. */
export const readJobCounts = (db: Db, { types, queues }: Part): Promise<JobCount[]> =>
  call<JobCount>(db, COUNTS, [types, queues, MAX_FAILED]);
