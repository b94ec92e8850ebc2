import { call, only } from "../drivers/call.ts";
import type { Db } from "../drivers/client.ts";

const DISPATCHABLE = `/* forgeq:dispatchable_queues */
select name from forgeq.queue where not paused order by name`;

/** The names of the queues that a dispatcher visits. */
export const dispatchableQueues = async (db: Db): Promise<string[]> =>
  (await call<{ name: string }>(db, DISPATCHABLE, [])).map((row) => row.name);

const NAMES = `/* forgeq:queue_names */
select name from forgeq.queue order by name`;

/** The names of all queues, paused ones included. */
export const queueNames = async (db: Db): Promise<string[]> =>
  (await call<{ name: string }>(db, NAMES, [])).map((row) => row.name);

const OTHER_TYPES = `/* forgeq:queue_other_types */
select exists (select from forgeq.job_type where queue = $1 and type <> $2) as found`;

/** Do other types than this one have this queue? */
export const hasOtherTypes = async (db: Db, queue: string, type: string): Promise<boolean> =>
  only(await call<{ found: boolean }>(db, OTHER_TYPES, [queue, type])).found;

const SET_PAUSED = `/* forgeq:set_paused */
update forgeq.queue set paused = $2::boolean where name = $1 returning name`;

/** Pauses or resumes a queue: no claim begins after a pause has committed; what is leased goes on. False: no such queue. */
export const setPaused = async (db: Db, name: string, paused: boolean): Promise<boolean> =>
  (await call(db, SET_PAUSED, [name, paused])).length > 0;

const SET_LIMITS = `/* forgeq:set_limits */
update forgeq.queue
set max_in_flight = case when $2::jsonb ? 'max_in_flight' then ($2 ->> 'max_in_flight')::int else max_in_flight end,
    max_pending = case when $2 ? 'max_pending' then ($2 ->> 'max_pending')::int else max_pending end,
    retention_days = coalesce(($2 ->> 'retention_days')::int, retention_days),
    overridden = (select array_agg(distinct o) from unnest(overridden || array(select jsonb_object_keys($2))) o)
where name = $1
returning name`;

/** What an operator sets of a queue; what is absent stays as it is. */
export interface QueueLimits {
  /** Null is no limit. */
  readonly maxInFlight?: number | null;
  /** Null is no limit. */
  readonly maxPending?: number | null;
  readonly retentionDays?: number;
}

/** As SET_LIMITS reads it: JSON leaves out what is absent. */
const toWire = ({ maxInFlight, maxPending, retentionDays }: QueueLimits) => ({
  max_in_flight: maxInFlight,
  max_pending: maxPending,
  retention_days: retentionDays,
});

/**
 * An operator's limits: they win over the code's from now on. A lowered limit drains. False: no such queue.
 *
 * A limit is in force for claims that begin after it was set. A queue's first limit waits for nobody, so claims of the unlimited queue that
 * began before may still add their jobs to what it allows, once; every later change waits for the claim that is under way.
 */
export const setLimits = async (db: Db, name: string, limits: QueueLimits): Promise<boolean> =>
  (await call(db, SET_LIMITS, [name, JSON.stringify(toWire(limits))])).length > 0;
