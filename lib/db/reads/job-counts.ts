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

const LIVE = `/* forgeq:job_counts */
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
select coalesce(c.queue, h.queue) as queue, coalesce(c.type, h.type) as type,
       to_json(greatest(0, coalesce(c.live, 0) - coalesce(h.leased, 0) - coalesce(h.running, 0))::numeric) as waiting,
       to_json(coalesce(h.leased, 0)) as leased, to_json(coalesce(h.running, 0)) as running
from counters c
full join held h on h.queue = c.queue and h.type = c.type`;

type LiveCount = Omit<JobCount, "dead" | "cancelled">;

/** The live jobs of a part by queue and type: by the counters, those in flight by their leases. */
export const readLiveCounts = (db: Db, { types, queues }: Part): Promise<readonly LiveCount[]> =>
  call<LiveCount>(db, LIVE, [types, queues]);

/** Dead and cancelled jobs are counted up to so many of each, and up to so many pages of finished jobs where vacuum has not come by. */
const MAX_FAILED = 500_000;
const MAX_PAGES = 350;

// Of all queues: a row without a queue says whether all were counted.
const FAILED = `/* forgeq:failed_counts */
select queue, type, to_json(jobs) as jobs, complete from forgeq.count_failed($1::text[], $2::int, $3::int)`;

type FailedCount = { readonly complete: boolean } & (
  { readonly queue: string; readonly type: string; readonly jobs: number } | { readonly queue: null }
);

const readFailed = (db: Db, state: "dead" | "cancelled"): Promise<readonly FailedCount[]> =>
  call<FailedCount>(db, FAILED, [[state], MAX_FAILED, MAX_PAGES]);

const NOTHING = { waiting: 0, leased: 0, running: 0, dead: 0, cancelled: 0 };

const mostDeadFirst = (a: JobCount, b: JobCount): number =>
  b.dead - a.dead || (a.queue === b.queue ? (a.type < b.type ? -1 : 1) : a.queue < b.queue ? -1 : 1);

/**
 * The jobs of a part by queue and type; most dead ones first. Dead and cancelled ones are counted by statements of their own: together they could read more
 * pages than a statement may. `complete` is false where there are more of them than were counted.
 */
export const readJobCounts = async (
  db: Db,
  part: Part,
): Promise<{ readonly by: readonly JobCount[]; readonly complete: boolean }> => {
  const live = await readLiveCounts(db, part);
  const dead = await readFailed(db, "dead");
  const cancelled = await readFailed(db, "cancelled");
  const by = new Map<string, JobCount>();
  const add = (queue: string, type: string, counts: Partial<JobCount>) => {
    const key = `${queue} ${type}`;
    by.set(key, { queue, type, ...NOTHING, ...by.get(key), ...counts });
  };
  const { types, queues } = part;
  for (const { queue, type, ...counts } of live) add(queue, type, counts);
  for (const [name, failed] of Object.entries({ dead, cancelled }))
    for (const count of failed)
      if (count.queue !== null && (types?.includes(count.type) ?? true) && (queues?.includes(count.queue) ?? true))
        add(count.queue, count.type, { [name]: count.jobs });
  return {
    by: [...by.values()].sort(mostDeadFirst),
    complete: [...dead, ...cancelled].every(({ complete }) => complete),
  };
};
