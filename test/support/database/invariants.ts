import type { Db } from "../../../lib/db/drivers/client.ts";

/** What no interleaving may ever leave behind: each query gives one row for each violation. */
const INVARIANTS: Record<string, string> = {
  "a live job with a claim that no open lease lists": `select j.id from forgeq.job j where j.claim_id is not null
    and not exists (select from forgeq.lease l where l.claim_id = j.claim_id and j.id = any (l.job_ids))`,
  "a job in two leases": `select j.id from forgeq.job j join forgeq.lease l on l.claim_id = j.claim_id and j.id = any (l.job_ids)
    group by j.id having count(*) > 1`,
  "a lease that miscounts its jobs": `select l.id from forgeq.lease l
    where l.open_jobs <> (select count(*) from forgeq.job j where j.claim_id = l.claim_id and j.id = any (l.job_ids))`,
  "a lease both open and closed": `select l.id from forgeq.lease l join forgeq.lease_closed c on c.id = l.id`,
  "a job live and finished in one life": `select j.id from forgeq.job j join forgeq.job_history h on h.id = j.id and h.life >= coalesce(j.life, 1)`,
  "an earlier life that is not marked as revived": `
    select h.id from forgeq.job_history h
    where h.revived is null and (exists (select from forgeq.job j where j.id = h.id)
      or exists (select from forgeq.job_history later where later.id = h.id and later.life > h.life))`,
  "a life that ended twice": `select h.id from forgeq.job_history h group by h.id, h.life having count(*) > 1`,
  "a unique key without its live job": `select k.job_id as id from forgeq.unique_key k
    where not exists (select from forgeq.job j where j.id = k.job_id and j.type = k.type and j.unique_key = k.key)`,
  "a live job without its unique key": `select j.id from forgeq.job j where j.unique_key is not null
    and not exists (select from forgeq.unique_key k where k.type = j.type and k.key = j.unique_key and k.job_id = j.id)`,
  "a live job whose queue and type have no series": `select j.id from forgeq.job j
    where not exists (select from forgeq.metric_series s where s.queue = j.queue and s.type = j.type)`,
  "a queue above its limit": `select q.name as id from forgeq.queue q
    where (select sum(l.open_jobs) from forgeq.lease l where l.queue = q.name) > q.max_in_flight`,
  "an attempt counted wrongly": `
    with lives as (
      select j.id, coalesce(j.life, 1) as life, j.attempt, (j.claim_id is not null)::int as running from forgeq.job j
      union all
      select h.id, h.life, h.attempt, (h.state = 'completed')::int from forgeq.job_history h),
    ended as (
      select a.job_id, a.life, count(*) filter (where a.outcome in ('retry', 'dead', 'timed_out', 'lease_expired', 'worker_crashed')) as counted,
             count(*) filter (where a.outcome = 'cancelled') as cancelled
      from forgeq.job_attempt a group by a.job_id, a.life)
    select l.id from lives l left join ended e on e.job_id = l.id and e.life = l.life
    where l.attempt - l.running - coalesce(e.counted, 0) not between 0 and coalesce(e.cancelled, 0)`,
};

// One statement for all: these are asked after every step of a race.
const VIOLATIONS = Object.entries(INVARIANTS)
  .map(([name, text]) => `select '${name}' as name, v.id::text as id from (${text}) v`)
  .join(" union all ");

/** Every violation found, as text; empty when all is well. */
export const violations = async (db: Db): Promise<string[]> => {
  const rows = await db.query<{ name: string; id: string }>(VIOLATIONS);
  return rows.map(({ name, id }) => `${name}: ${id}`);
};
