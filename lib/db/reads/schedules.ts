import type { ScheduleDefinition } from "../../core/schedule.ts";
import { call, callAgain, callIn, only } from "../drivers/call.ts";
import type { Db, Sql } from "../drivers/client.ts";

export interface Schedule extends ScheduleDefinition {
  /** Part of its jobs' ids. */
  readonly id: string;
  /** Made from the code. */
  readonly declared: boolean;
  readonly revision: number;
  /** Every slot up to here is decided: fired or skipped. */
  readonly decidedUntil: Date;
  readonly lastSlotAt: Date | null;
  readonly nextSlotAt: Date | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** A schedule, and the time by the database's clock, which says what is due. */
export type ScheduleNow = Schedule & { readonly now: Date };

export const SCHEDULE_COLUMNS = `s.name, s.id, s.cron, s.timezone, s.type, s.payload, s.queue, s.priority, s.paused, s.overlap,
  s.catch_up as "catchUp", s.catch_up_limit as "catchUpLimit", s.starts_at as "startsAt", s.ends_at as "endsAt",
  s.jitter_seconds as "jitterSeconds", s.max_attempts as "maxAttempts", s.unique_key as "uniqueKey", s.metadata, s.declared, s.revision, s.decided_until as "decidedUntil",
  s.last_slot_at as "lastSlotAt", s.next_slot_at as "nextSlotAt", s.created_at as "createdAt", s.updated_at as "updatedAt"`;

export const NOW = (param: string) => `date_trunc('milliseconds', coalesce(${param}::timestamptz, clock_timestamp()))`;

const LIST = `/* forgeq:list_schedules */
select ${SCHEDULE_COLUMNS}, ${NOW("$1")} as now from forgeq.schedule s order by s.name`;

export const listSchedules = (db: Db, at: Date | null): Promise<ScheduleNow[]> => call<ScheduleNow>(db, LIST, [at]);

export const listSchedulesIn = (tx: Sql, at: Date | null): Promise<ScheduleNow[]> =>
  callIn<ScheduleNow>(tx, LIST, [at]);

const GET = `/* forgeq:get_schedule */
select ${SCHEDULE_COLUMNS}, ${NOW("$2")} as now from forgeq.schedule s where s.name = $1`;

export const getSchedule = async (db: Db, name: string, at: Date | null): Promise<ScheduleNow | null> =>
  (await call<ScheduleNow>(db, GET, [name, at]))[0] ?? null;

/** What of a schedule says which of its slots are due. */
export type DueSchedule = Omit<ScheduleNow, "payload">;

/** Where a page of due schedules ends: the last one's slot, as the database writes it, and its name. */
export interface DuePosition {
  readonly slotAt: string;
  readonly name: string;
}

const DUE = `/* forgeq:due_schedules */
select ${SCHEDULE_COLUMNS.replace("s.payload, ", "")}, ${NOW("$4")} as now, s.next_slot_at::text as "position"
from forgeq.schedule s
where not s.paused and s.next_slot_at <= (select coalesce($4::timestamptz, clock_timestamp()))
  and (s.next_slot_at, s.name) > ($2::timestamptz, $3::text)
  and ($5::text is null or not exists (select from forgeq.job_type t where t.type = s.type and t.owner <> $5::text))
order by s.next_slot_at, s.name
limit $1`;

/** Schedules with a slot that is due, of types that an owner serves, by that slot and their names: a page that begins after another one's end. `next` is null at the end. */
export const dueSchedules = async (
  db: Db,
  limit: number,
  after: DuePosition | null,
  at: Date | null,
  owner: string | null = null,
): Promise<{ readonly schedules: readonly DueSchedule[]; readonly next: DuePosition | null }> => {
  const params = [limit, after?.slotAt ?? "-infinity", after?.name ?? "", at, owner];
  const schedules = await call<DueSchedule & { readonly position: string }>(db, DUE, params);
  const last = schedules.length < limit ? undefined : schedules.at(-1);
  return { schedules, next: last === undefined ? null : { slotAt: last.position, name: last.name } };
};

/** The slots of a schedule that are due, from where the schedule stands. */
export interface Fire {
  readonly name: string;
  /** The schedule's, as it was read: one that was edited since is `stale`. */
  readonly revision: number;
  readonly decidedUntil: Date;
  readonly slots: readonly Slot[];
  /** Every slot up to here is decided then. */
  readonly until: Date;
  readonly nextSlotAt: Date | null;
}

/** One slot, and its job. */
export interface Slot {
  readonly slotAt: Date;
  readonly jobId: string;
  readonly runAt: Date;
}

/** As forgeq.fire_schedules takes it. */
const toWire = ({ name, revision, decidedUntil, slots, until, nextSlotAt }: Fire) => ({
  name,
  revision,
  decided_until: decidedUntil,
  slots: slots.map(({ slotAt, jobId, runAt }) => ({ slot_at: slotAt, job_id: jobId, run_at: runAt })),
  until,
  next_slot_at: nextSlotAt,
});

export interface Fired {
  readonly name: string;
  readonly outcome: "fired" | "stale" | "busy" | "not_found" | "refused";
  readonly jobs: number;
  /** Slots that the overlap policy left out. */
  readonly skipped: number;
  readonly dueSeconds: number | null;
  readonly reason: string | null;
}

const FIRE = `/* forgeq:fire_schedules */
select name, outcome, jobs, skipped, due_seconds as "dueSeconds", reason from forgeq.fire_schedules($1::jsonb, $2::timestamptz)`;

/** Enqueues the jobs of slots, each once whoever calls; see migrations/functions/fire_schedules.sql. */
export const fireSlots = (db: Db, fires: readonly Fire[], at: Date | null): Promise<Fired[]> =>
  call<Fired>(db, FIRE, [JSON.stringify(fires.map(toWire)), at]);

export const fireSlotsIn = (tx: Sql, fires: readonly Fire[], at: Date | null): Promise<Fired[]> =>
  callIn<Fired>(tx, FIRE, [JSON.stringify(fires.map(toWire)), at]);

const CLOCK = `/* forgeq:clock */
select ${NOW("$1")} as now`;

/** The database's clock, in whole milliseconds. */
export const databaseNow = async (sql: Sql, at: Date | null): Promise<Date> =>
  only(await callIn<{ now: Date }>(sql, CLOCK, [at])).now;

/** What is written of a schedule; its slots begin after `decidedUntil`. */
export interface ScheduleWrite extends ScheduleDefinition {
  readonly decidedUntil: Date;
  readonly nextSlotAt: Date | null;
}

const paramsOf = (write: ScheduleWrite): unknown[] => [
  write.name,
  write.cron,
  write.timezone,
  write.type,
  JSON.stringify(write.payload),
  write.queue,
  write.priority,
  write.paused,
  write.overlap,
  write.catchUp,
  write.catchUpLimit,
  write.startsAt,
  write.endsAt,
  write.jitterSeconds,
  write.decidedUntil,
  write.nextSlotAt,
  write.maxAttempts,
  write.uniqueKey,
  write.metadata === null ? null : JSON.stringify(write.metadata),
];

const INSERT = `/* forgeq:create_schedule */
insert into forgeq.schedule (name, cron, timezone, type, payload, queue, priority, paused, overlap, catch_up, catch_up_limit,
  starts_at, ends_at, jitter_seconds, decided_until, next_slot_at, max_attempts, unique_key, metadata, id, declared)
values ($1, $2, $3, $4, $5::jsonb, $6, $7::int, $8::boolean, $9, $10, $11::int, $12::timestamptz, $13::timestamptz, $14::int,
  $15::timestamptz, $16::timestamptz, $17::int, $18, $19::jsonb, $20::uuid, $21::boolean)
on conflict (name) do nothing`;

export const insertSchedule = async (sql: Sql, write: ScheduleWrite, id: string, declared: boolean): Promise<void> => {
  await callIn(sql, INSERT, [...paramsOf(write), id, declared]);
};

const UPDATE = `/* forgeq:update_schedule */
update forgeq.schedule s
set cron = $2, timezone = $3, type = $4, payload = $5::jsonb, queue = $6, priority = $7::int, paused = $8::boolean, overlap = $9,
    catch_up = $10, catch_up_limit = $11::int, starts_at = $12::timestamptz, ends_at = $13::timestamptz,
    jitter_seconds = $14::int, decided_until = $15::timestamptz, next_slot_at = $16::timestamptz,
    max_attempts = $17::int, unique_key = $18, metadata = $19::jsonb,
    revision = s.revision + 1, updated_at = now()
where s.name = $1 and s.revision = $20::int and s.decided_until = $21::timestamptz
returning s.name`;

/** Writes an edit if the schedule still stands where it was seen; false when it does not. */
export const updateSchedule = async (sql: Sql, write: ScheduleWrite, seen: Schedule): Promise<boolean> =>
  (await callIn(sql, UPDATE, [...paramsOf(write), seen.revision, seen.decidedUntil])).length > 0;

const DELETE = `/* forgeq:delete_schedule */
delete from forgeq.schedule where name = $1 and not declared returning name`;

/** False: there is no such schedule, or the code declares it. Jobs that it enqueued stay. */
export const deleteSchedule = async (db: Db, name: string): Promise<boolean> => {
  let sentBefore = false;
  const rows = await callAgain(db, DELETE, (tried) => {
    sentBefore = tried > 0;
    return [name];
  });
  return rows.length > 0 || sentBefore;
};

const DELETE_DROPPED = `/* forgeq:delete_dropped_schedules */
delete from forgeq.schedule s
where s.declared and s.name <> all ($1::text[])
  and not exists (select from forgeq.job_type t where t.type = s.type and t.owner is not null and t.owner is distinct from $2::text)`;

/** Removes the declared schedules that the code no longer has; not those of another owner's types. */
export const deleteDropped = async (sql: Sql, declared: readonly string[], owner: string | null): Promise<void> => {
  await callIn(sql, DELETE_DROPPED, [declared, owner]);
};

const TRIGGER = `/* forgeq:trigger_schedule */
select id, queue from forgeq.trigger_schedule($1, $2::uuid, $3::timestamptz)`;

/** Enqueues one job of a schedule now; null when there is no such schedule. */
export const triggerSchedule = async (db: Db, name: string, jobId: string, at: Date | null) =>
  (await call<{ id: string; queue: string | null }>(db, TRIGGER, [name, jobId, at]))[0] ?? null;
