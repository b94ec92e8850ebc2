import type { Db } from "./client.ts";

// No jobs, a lease that nobody holds, a queue without a name: nothing is locked for others, and nothing is written.
const ENQUEUES = `/* forgeq:warm_up */
select forgeq.enqueue_lines('{}'::uuid[], '', array[''], fresh => true, start => 'push'), (select count(*) from forgeq.enqueue_many('[]', true))`;

const ENQUEUES_AND_TAKES = `${ENQUEUES}, (
  select count(*) from forgeq.settle_and_take(gen_random_uuid(),
    jsonb_build_array(jsonb_build_object('lease_id', gen_random_uuid(), 'ended', '[]'::jsonb)),
    jsonb_build_array(jsonb_build_object('queue', '', 'claim_id', gen_random_uuid())), array(select type from forgeq.job_type), 1, null, 1))`;

/**
 * Opens `connections` connections, and lets Postgres compile on each what is called most: on a new one a first enqueue takes 70 ms, a later one
 * two (PostgreSQL 18.4, two cores). What only a worker calls is left out unless it `takes`: another role may not. A database that is away, or not migrated, is reported by the first statement that needs it.
 */
export const warmUp = async (db: Db, connections: number, takes = true): Promise<void> => {
  // Over HTTP there is no connection to keep.
  if (db.driver !== "pg") return;
  // Concurrently, so that each has a connection of its own.
  await Promise.allSettled(Array.from({ length: connections }, () => db.query(takes ? ENQUEUES_AND_TAKES : ENQUEUES)));
};
