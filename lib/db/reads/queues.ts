import { DEFAULTS } from "../../core/job.ts";
import { call, callAgain, callIn, only } from "../drivers/call.ts";
import type { Db, Sql } from "../drivers/client.ts";

const DISPATCHABLE = `/* forgeq:dispatchable_queues */
select forgeq.dispatchable_queues($1::timestamptz, $2) as names`;

/** The names of the queues that a dispatcher of an owner visits: all that it serves and that are not paused, or, of more than 64, those with due jobs. */
export const dispatchableQueues = async (db: Db, at: Date | null, owner: string | null = null): Promise<string[]> =>
  only(await call<{ names: string[] }>(db, DISPATCHABLE, [at, owner])).names;

const OTHER_TYPES = `/* forgeq:queue_other_types */
select exists (select from forgeq.job_type where (queue = $1 or $1 = any (listed_queues)) and type <> all ($2::text[]))
    or exists (select from forgeq.queue where name = $1 and (not listed_types <@ $2::text[] or owner <> $3::text)) as found`;

/** May jobs of other types than these go to this queue, or is it another owner's? */
export const hasOthers = async (
  db: Db,
  queue: string,
  types: readonly string[],
  owner: string | null,
): Promise<boolean> => only(await call<{ found: boolean }>(db, OTHER_TYPES, [queue, types, owner])).found;

const SET_PAUSED = `/* forgeq:set_paused */
update forgeq.queue
set paused = $2::boolean, paused_at = case when $2 then coalesce(case when paused then paused_at end, $5, clock_timestamp()) end,
    pause_reason = $3, paused_until = $4::timestamptz
where name = $1
returning name`;

/** Why a queue is paused, and when the pause ends by itself; null: never. */
export interface Pause {
  readonly reason: string | null;
  readonly until: Date | null;
}

/** Pauses or resumes a queue: no claim begins after a pause has committed; what is leased goes on. False: no such queue. */
export const setPaused = async (
  db: Db,
  name: string,
  pause: Pause | boolean,
  at: Date | null = null,
): Promise<boolean> => {
  const { reason = null, until = null } = typeof pause === "object" ? pause : {};
  return (await call(db, SET_PAUSED, [name, pause !== false, reason, until, at])).length > 0;
};

const END_PAUSES = `/* forgeq:end_pauses */
select forgeq.end_pauses($1::timestamptz) as names`;

/** Ends the pauses whose end has come; gives the names of their queues. */
export const endPauses = async (db: Db, at: Date | null): Promise<readonly string[]> =>
  only(await call<{ names: string[] }>(db, END_PAUSES, [at])).names;

const SET_LIMITS = `/* forgeq:set_limits */
update forgeq.queue
set max_in_flight = case when $2::jsonb ? 'max_in_flight' then ($2 ->> 'max_in_flight')::int else max_in_flight end,
    max_pending = case when $2 ? 'max_pending' then ($2 ->> 'max_pending')::int else max_pending end,
    retention_days = coalesce(($2 ->> 'retention_days')::int, retention_days),
    listed_types = case when $2 ? 'types' then array(select jsonb_array_elements_text($2 -> 'types')) else listed_types end,
    owner = coalesce(owner, (select min(t.owner) from forgeq.job_type t where $2 -> 'types' ? t.type)),
    overridden = array(select distinct o from unnest(overridden || array(select jsonb_object_keys($2 - 'types'))) o)
where name = $1
returning name`;

/** What an operator sets of a queue; what is absent stays as it is. */
export interface QueueLimits {
  /** Null is no limit. */
  readonly maxInFlight?: number | null;
  /** Null is no limit. */
  readonly maxPending?: number | null;
  readonly retentionDays?: number;
  /** Whose jobs may go there, in addition to the types of which the code says so. */
  readonly types?: readonly string[];
}

/** As SET_LIMITS reads it: JSON leaves out what is absent. */
const toWire = ({ maxInFlight, maxPending, retentionDays, types }: QueueLimits) => ({
  max_in_flight: maxInFlight,
  max_pending: maxPending,
  retention_days: retentionDays,
  types,
});

/**
 * An operator's limits: they win over the code's from now on. A lowered limit drains. False: no such queue.
 *
 * A limit is in force for claims that begin after it was set. A queue's first limit waits for nobody, so claims of the unlimited queue that
 * began before may still add their jobs to what it allows, once; every later change waits for the claim that is under way.
 */
export const setLimits = async (db: Db, name: string, limits: QueueLimits): Promise<boolean> =>
  (await call(db, SET_LIMITS, [name, JSON.stringify(toWire(limits))])).length > 0;

const RESET_LIMITS = `/* forgeq:reset_limits */
update forgeq.queue
set max_in_flight = (code.limits ->> 'max_in_flight')::int, max_pending = (code.limits ->> 'max_pending')::int,
    retention_days = (code.limits ->> 'retention_days')::int, overridden = '{}'
from (select coalesce(q.code_limits, $2::jsonb) as limits from forgeq.queue q where q.name = $1) code
where name = $1
returning name`;

/** The limits that the code declares are in force again; the defaults where it declares none. False: no such queue. */
export const resetLimits = async (db: Db, name: string): Promise<boolean> => {
  const { maxInFlight, retentionDays } = DEFAULTS;
  const defaults = toWire({ maxInFlight, maxPending: null, retentionDays });
  return (await call(db, RESET_LIMITS, [name, JSON.stringify(defaults)])).length > 0;
};

const DECLARE = `/* forgeq:declare_queue */
insert into forgeq.queue (name, max_in_flight, max_pending, retention_days, listed_types, owner, overridden)
select $1, $2::int, $3::int, $4::int, $5::text[], (select min(t.owner) from forgeq.job_type t where t.type = any ($5::text[])),
       array(select jsonb_object_keys($6::jsonb - 'types'))
on conflict (name) do nothing
returning name`;

/** An operator's queue, with the defaults for what is absent. False: there is one of that name. */
export const declareQueue = async (db: Db, name: string, limits: QueueLimits): Promise<boolean> => {
  const {
    maxInFlight = DEFAULTS.maxInFlight,
    maxPending = null,
    retentionDays = DEFAULTS.retentionDays,
    types = [],
  } = limits;
  const params = [name, maxInFlight, maxPending, retentionDays, types, JSON.stringify(toWire(limits))];
  let sentBefore = false;
  const rows = await callAgain(db, DECLARE, (tried) => {
    sentBefore = tried > 0;
    return params;
  });
  return rows.length > 0 || sentBefore;
};

const DELETE = `/* forgeq:delete_queue */
select forgeq.delete_queue($1) as outcome`;

export type QueueDeletion = "deleted" | "not_found" | "queue_declared" | "queue_not_empty" | "busy";

/** Takes a queue away. See migrations/functions/delete_queue.sql. */
export const deleteQueue = async (db: Db, name: string): Promise<QueueDeletion> => {
  let sentBefore = false;
  const { outcome } = only(
    await callAgain<{ outcome: QueueDeletion }>(db, DELETE, (tried) => {
      sentBefore = tried > 0;
      return [name];
    }),
  );
  return outcome === "not_found" && sentBefore ? "deleted" : outcome;
};

const UNKNOWN_TYPES = `/* forgeq:unknown_types */
select u.type from unnest($1::text[]) as u(type)
where not exists (select from forgeq.job_type t where t.type = u.type)`;

const OWNERS = `/* forgeq:owners_of_queue */
select owner from forgeq.job_type where type = any ($2::text[]) and owner is not null
union select owner from forgeq.queue where name = $1 and owner is not null
order by owner`;

/** The owners of a queue and of types. */
export const ownersOf = async (db: Db, name: string, types: readonly string[]): Promise<string[]> =>
  (await call<{ owner: string }>(db, OWNERS, [name, types])).map(({ owner }) => owner);

/** Those of the types that the database does not know. */
export const unknownTypes = async (db: Db, types: readonly string[]): Promise<string[]> =>
  (await call<{ type: string }>(db, UNKNOWN_TYPES, [types])).map(({ type }) => type);

const MAY_GO = `/* forgeq:may_go_to_queue */
select exists (
  select from forgeq.job_type t
  join forgeq.queue q on q.name = $2 and (q.name = t.queue or q.name = any (t.listed_queues) or t.type = any (q.listed_types))
  where t.type = $1) as may`;

/** Whether jobs of a type may go to a queue now: the queue is there, and the type or an operator lists it. An enqueue asks again. */
export const mayGoTo = async (sql: Sql, type: string, queue: string): Promise<boolean> =>
  only(await callIn<{ may: boolean }>(sql, MAY_GO, [type, queue])).may;

const UNDECLARED = `/* forgeq:undeclared_queues */
select u.name from unnest($1::text[]) as u(name) where not exists (select from forgeq.queue q where q.name = u.name)`;

/** Those of these names that are no queues yet. */
export const undeclaredQueues = async (db: Db, names: readonly string[]): Promise<string[]> =>
  (await call<{ name: string }>(db, UNDECLARED, [names])).map(({ name }) => name);
