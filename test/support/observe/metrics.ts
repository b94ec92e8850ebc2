import { BUCKET_SECONDS } from "../../../lib/core/buckets.ts";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { type CounterRow, readCounters } from "../../../lib/db/reads/metrics.ts";

/** Counters by `queue/type/name`. */
export type Counters = Record<string, number>;

const byKey = (rows: readonly CounterRow[]): Counters =>
  Object.fromEntries(
    rows.filter((row) => row.value !== 0).map((row) => [`${row.queue}/${row.type}/${row.name}`, row.value]),
  );

export const counters = async (db: Db): Promise<Counters> => byKey(await readCounters(db));

const bucket = (bounds: readonly number[], ms: number): number => {
  const index = bounds.findIndex((bound) => ms <= bound * 1000);
  return index === -1 ? bounds.length : index;
};

/**
 * Lives, ends and begun attempts as the jobs and their attempts tell them. A plain completion has a history row only.
 * Milliseconds are rounded as the counters': half a one to the even side.
 */
const LIVES = `
select id, queue, type, null as state from forgeq.job union all select id, queue, type, state::text from forgeq.job_history`;
const ATTEMPTS = `
select k.queue, k.type, a.outcome, round(date_part('epoch', a.began_at - a.run_at) * 1000)::int as wait,
       round(date_part('epoch', a.ended_at - a.began_at) * 1000)::int as run
from forgeq.job_attempt a
join (select id, queue, type from forgeq.job union select id, queue, type from forgeq.job_history) k on k.id = a.job_id
union all
select queue, type, 'completed', round(date_part('epoch', began_at - coalesce(run_at, created_at)) * 1000)::int, round(date_part('epoch', finished_at - began_at) * 1000)::int
from forgeq.job_history where state = 'completed'`;
const RUNNING = `select queue, type, sum(open_jobs)::int as jobs from forgeq.lease where began_at is not null group by 1, 2`;

/** What the counters must say, by a query over jobs and attempts. `throttled` leaves no attempt row, so the caller adds it. */
export const countedFromJobs = async (db: Db): Promise<Counters> => {
  const counted: Counters = {};
  const add = (key: string, value = 1) => value !== 0 && (counted[key] = (counted[key] ?? 0) + value);
  const ids = new Set<string>();
  for (const life of await db.query<{ id: string; queue: string; type: string; state: string | null }>(LIVES)) {
    add(`${life.queue}/${life.type}/${ids.has(life.id) ? "retried" : "enqueued"}`);
    ids.add(life.id);
    if (life.state !== null) add(`${life.queue}/${life.type}/finished_${life.state}`);
  }
  for (const attempt of await db.query<{
    queue: string;
    type: string;
    outcome: string;
    wait: number | null;
    run: number | null;
  }>(ATTEMPTS)) {
    const series = `${attempt.queue}/${attempt.type}`;
    add(`${series}/ended_${attempt.outcome}`);
    if (attempt.wait === null || attempt.run === null) continue;
    const [wait, run] = [Math.max(0, attempt.wait), Math.max(0, attempt.run)];
    add(`${series}/started`);
    add(`${series}/wait_${bucket(BUCKET_SECONDS.wait, wait)}`);
    add(`${series}/wait_ms`, wait);
    add(`${series}/run_${bucket(BUCKET_SECONDS.run, run)}`);
    add(`${series}/run_ms`, run);
  }
  for (const lease of await db.query<{ queue: string; type: string; jobs: number }>(RUNNING))
    add(`${lease.queue}/${lease.type}/started`, lease.jobs);
  return counted;
};
