import { call } from "../drivers/call.ts";
import type { Db } from "../drivers/client.ts";

/** A queue with its limits and the numbers of this moment, all of one snapshot. */
export interface QueueStats {
  readonly name: string;
  readonly paused: boolean;
  /** The code declares it. */
  readonly declared: boolean;
  /** Whose jobs may go there by an operator's word. */
  readonly types: readonly string[];
  /** Null is no limit. */
  readonly maxInFlight: number | null;
  readonly maxPending: number | null;
  readonly retentionDays: number;
  readonly scheduled: number;
  readonly pending: number;
  readonly leased: number;
  readonly running: number;
  /** Dead and not retried since. */
  readonly dead: number;
  /** A count is a lower bound: over 10,000 jobs are scheduled and as many pending, or over 1,000 are dead in all queues. */
  readonly capped: boolean;
  /** Leased or running: what `maxInFlight` limits. */
  readonly inFlight: number;
  /** Since when the oldest pending job is due, in seconds; null when none waits. */
  readonly oldestPendingSeconds: number | null;
  /** Jobs a minute, in the five minutes before the last tick; null without two ticks in that time. */
  readonly perMinute: {
    readonly enqueued: number;
    readonly completed: number;
    /** Attempts that ended by retry, time-out, expiry or for good. */
    readonly failed: number;
    readonly dead: number;
  } | null;
}

const MAX_COUNTED = 10_000;

const QUEUE_STATS = `/* forgeq:queue_stats */
select s.name, s.paused, q.declared, q.listed_types as types, s.max_in_flight as "maxInFlight", s.max_pending as "maxPending", s.retention_days as "retentionDays",
       scheduled, pending, leased, running, dead, capped, leased + running as "inFlight", oldest_pending_seconds as "oldestPendingSeconds",
       case when enqueued_rate is not null
            then json_build_object('enqueued', enqueued_rate, 'completed', completed_rate, 'failed', failed_rate, 'dead', dead_rate) end as "perMinute"
from forgeq.queue_stats($1, $2::int, $3::timestamptz) s
join forgeq.queue q on q.name = s.name
order by s.name`;

/** All queues by name, or the one that is named. Cheap at any backlog: see migrations/functions/queue_stats.sql. */
export const readQueueStats = (db: Db, name: string | null, at: Date | null): Promise<QueueStats[]> =>
  call<QueueStats>(db, QUEUE_STATS, [name, MAX_COUNTED, at]);
