import type { Sql } from "../drivers/client.ts";

const SYNC_QUEUES = `/* forgeq:sync_queues */
insert into forgeq.queue as q (name, max_in_flight, max_pending, retention_days, keep_completed)
select name, max_in_flight, max_pending, retention_days, keep_completed
from jsonb_to_recordset($1::jsonb) as d(name text, max_in_flight int, max_pending int, retention_days int, keep_completed boolean)
on conflict (name) do update
set max_in_flight = case when 'max_in_flight' = any (q.overridden) then q.max_in_flight else excluded.max_in_flight end,
    max_pending = case when 'max_pending' = any (q.overridden) then q.max_pending else excluded.max_pending end,
    retention_days = case when 'retention_days' = any (q.overridden) then q.retention_days else excluded.retention_days end,
    keep_completed = excluded.keep_completed`;

const SYNC_TYPES = `/* forgeq:sync_job_types */
insert into forgeq.job_type as t (type, queue, priority, max_attempts, backoff, timeout_seconds, lease_seconds, batch_size)
select type, queue, priority, max_attempts, backoff, timeout_seconds, lease_seconds, batch_size
from jsonb_to_recordset($1::jsonb) as d(type text, queue text, priority smallint, max_attempts smallint, backoff jsonb,
  timeout_seconds int, lease_seconds int, batch_size int)
on conflict (type) do update
set queue = case when 'queue' = any (t.overridden) then t.queue else excluded.queue end,
    priority = case when 'priority' = any (t.overridden) then t.priority else excluded.priority end,
    max_attempts = case when 'max_attempts' = any (t.overridden) then t.max_attempts else excluded.max_attempts end,
    backoff = case when 'backoff' = any (t.overridden) then t.backoff else excluded.backoff end,
    timeout_seconds = excluded.timeout_seconds,
    lease_seconds = excluded.lease_seconds,
    batch_size = case when 'batch_size' = any (t.overridden) then t.batch_size else excluded.batch_size end`;

export interface QueueRow {
  readonly name: string;
  readonly max_in_flight: number | null;
  readonly max_pending: number | null;
  readonly retention_days: number;
  readonly keep_completed: boolean;
}

export interface JobTypeRow {
  readonly type: string;
  readonly queue: string;
  readonly priority: number;
  readonly max_attempts: number;
  readonly backoff: unknown;
  readonly timeout_seconds: number;
  readonly lease_seconds: number;
  readonly batch_size: number;
}

/** Writes what the code declares; a column that an operator has overridden stays. Types that the code dropped stay too. */
export const syncDefinitions = async (
  sql: Sql,
  queues: readonly QueueRow[],
  types: readonly JobTypeRow[],
): Promise<void> => {
  await sql.query(SYNC_QUEUES, [JSON.stringify(queues)]);
  await sql.query(SYNC_TYPES, [JSON.stringify(types)]);
};
