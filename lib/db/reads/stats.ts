import { call, only } from "../drivers/call.ts";
import type { Db } from "../drivers/client.ts";

/** A queue with its limits and the numbers of this moment. */
export interface QueueStats {
  readonly name: string;
  readonly paused: boolean;
  /** Of a paused queue: since when, why, and when it ends by itself. */
  readonly pause: { readonly since: Date | null; readonly reason: string | null; readonly until: Date | null } | null;
  /** The code declares it. */
  readonly declared: boolean;
  /** Whose jobs may go there by an operator's word. */
  readonly types: readonly string[];
  /** Null is no limit. */
  readonly maxInFlight: number | null;
  readonly maxPending: number | null;
  readonly retentionDays: number;
  /** The limits, by their names on the wire, that an operator has set. */
  readonly overridden: readonly string[];
  /** What the code declares, whatever an operator has set; null where it never has. */
  readonly codeLimits: {
    readonly max_in_flight: number | null;
    readonly max_pending: number | null;
    readonly retention_days: number;
    /** Of the outcomes that are kept for fewer days. */
    readonly outcome_days?: Readonly<Partial<Record<"completed" | "dead" | "cancelled", number>>>;
  } | null;
  readonly scheduled: number;
  readonly pending: number;
  readonly leased: number;
  readonly running: number;
  /** Dead and not retried since. */
  readonly dead: number;
  /**
   * A count is a lower bound: over 10,000 jobs are scheduled and as many pending, or over 500,000 are dead in all queues; fewer where vacuum has not come by
   * or many queues have as many, because a count then ends after some pages.
   */
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

const MAX_COUNTED = 1_000;

const COLUMNS = `s.name, q.paused and coalesce(q.paused_until > coalesce($3, clock_timestamp()), true) as paused, q.paused_at as "pausedAt",
       q.pause_reason as "pauseReason", q.paused_until as "pausedUntil", q.overridden, q.code_limits as "codeLimits", q.declared, q.listed_types as types, s.max_in_flight as "maxInFlight", s.max_pending as "maxPending",
       s.retention_days as "retentionDays", to_json(scheduled) as scheduled, to_json(pending) as pending, to_json(leased) as leased, to_json(running) as running,
       capped, to_json(leased + running) as "inFlight", oldest_pending_seconds as "oldestPendingSeconds",
       case when enqueued_rate is not null
            then json_build_object('enqueued', enqueued_rate, 'completed', completed_rate, 'failed', failed_rate, 'dead', dead_rate) end as "perMinute"`;

/** The numbers of a queue but for its dead jobs. `capped` is said of those that wait. */
export type QueueNumbers = Omit<QueueStats, "dead">;

interface NumbersRow extends Omit<QueueNumbers, "pause"> {
  readonly pausedAt: Date | null;
  readonly pauseReason: string | null;
  readonly pausedUntil: Date | null;
}

const toNumbers = ({ pausedAt, pauseReason, pausedUntil, ...same }: NumbersRow): QueueNumbers => ({
  ...same,
  pause: same.paused ? { since: pausedAt, reason: pauseReason, until: pausedUntil } : null,
});

const QUEUE_NUMBERS = `/* forgeq:queue_numbers */
select ${COLUMNS}
from forgeq.queue_numbers($1::text[], $2::int, $3::timestamptz) s
join forgeq.queue q on q.name = s.name
order by s.name`;

/** Those of the queues that are there, by name. Cheap at any backlog: see migrations/functions/queue_numbers.sql. */
export const readQueueNumbers = async (
  db: Db,
  names: readonly string[],
  at: Date | null,
): Promise<readonly QueueNumbers[]> =>
  (await call<NumbersRow>(db, QUEUE_NUMBERS, [names, MAX_COUNTED, at])).map(toNumbers);

/** Dead jobs of all queues are counted up to so many, and up to so many pages of finished jobs where vacuum has not come by. */
const MAX_DEAD = 500_000;
const MAX_DEAD_PAGES = 250;

const DEAD = `/* forgeq:queue_dead */
select queue, to_json(sum(jobs)) as dead, bool_and(complete) as complete from forgeq.count_failed('{dead}', $1::int, $2::int) group by queue`;

// A statement of its own: together with the others it could read more pages than a statement may. One after the other, on one connection.
const withDead = async (db: Db, numbers: Promise<readonly QueueNumbers[]>): Promise<QueueStats[]> => {
  const queues = await numbers;
  const counted = await call<{ queue: string | null; dead: number; complete: boolean }>(db, DEAD, [
    MAX_DEAD,
    MAX_DEAD_PAGES,
  ]);
  const dead = new Map(counted.map((each) => [each.queue, each.dead]));
  const complete = counted.every((each) => each.complete);
  return queues.map((queue) => ({ ...queue, dead: dead.get(queue.name) ?? 0, capped: queue.capped || !complete }));
};

/** The same with the dead jobs, which are counted by a snapshot of their own, right after the others. */
export const readQueueStats = (db: Db, names: readonly string[], at: Date | null): Promise<QueueStats[]> =>
  withDead(db, readQueueNumbers(db, names, at));

const QUEUE_PAGE = `/* forgeq:queue_page */
select ${COLUMNS}
from forgeq.queue_numbers(array(select name from forgeq.queue where name > $1 order by name limit $4::int), $2::int, $3::timestamptz) s
join forgeq.queue q on q.name = s.name
order by s.name`;

/** The first queues by name, as many as `limit`, after a name: "" comes before all of them. */
export const readQueuePage = (db: Db, after: string, limit: number, at: Date | null): Promise<QueueStats[]> =>
  withDead(
    db,
    call<NumbersRow>(db, QUEUE_PAGE, [after, MAX_COUNTED, at, limit]).then((rows) => rows.map(toNumbers)),
  );

const BUSIEST = `/* forgeq:busiest_queues */
select names, quiet, left_out as "leftOut" from forgeq.busiest_queues($1::int, $2)`;

/** The names of the queues with most live jobs of those that an owner serves, those of them that have none and never had a dead one, and how many others there are. */
export const busiestQueues = async (
  db: Db,
  limit: number,
  owner: string | null = null,
): Promise<{ readonly names: readonly string[]; readonly quiet: readonly string[]; readonly leftOut: number }> =>
  only(await call<{ names: string[]; quiet: string[]; leftOut: number }>(db, BUSIEST, [limit, owner]));
