import { uniqueKeyFault } from "../../core/controls.ts";
import { ForgeqError } from "../../core/errors.ts";
import { metadataFault } from "../../core/new-job.ts";
import type { ScheduleDefinition } from "../../core/schedule.ts";
import { nextSlot } from "../../core/slots.ts";
import type { Sql } from "../../db/drivers/client.ts";
import { mayGoTo } from "../../db/reads/queues.ts";
import { readSchedulePage, type SchedulePage } from "../../db/reads/schedule-page.ts";
import * as schedules from "../../db/reads/schedules.ts";
import { getJob } from "../../db/reads/job.ts";
import type { Job } from "../../db/reads/jobs.ts";
import { uuidV7 } from "../../core/uuid.ts";
import { armNextMinute } from "../wake/arm.ts";
import type { Deps } from "../deps.ts";
import { fireOf } from "./fire-schedules.ts";
import { wakeDispatcher } from "../wake/wake-dispatcher.ts";

export type { Schedule } from "../../db/reads/schedules.ts";

const TRIES = 20;

const invalid = (pointer: string, message: string): ForgeqError =>
  new ForgeqError("invalid_schedule", `the schedule's ${pointer.slice(1)} ${message}`, {
    errors: [{ pointer, message }],
  });

/** Checks what a database can't: the rule, the zone, and that there is a slot at all. Gives the first one. */
export const firstSlot = (definition: ScheduleDefinition, after: Date): Date | null => {
  const { startsAt, endsAt } = definition;
  if (startsAt !== null && endsAt !== null && endsAt < startsAt) throw invalid("/ends_at", "is before starts_at");
  if (nextSlot({ ...definition, endsAt: null }, new Date(0)) === null)
    throw invalid("/cron", "names a day that never comes");
  return nextSlot(definition, after);
};

/** One that has ended makes nothing. The code may keep declaring one that has. */
const checkEnd = ({ endsAt }: ScheduleDefinition, now: Date): void => {
  if (endsAt !== null && endsAt <= now) throw invalid("/ends_at", "has passed");
};

/** What its jobs have in addition, as jobs have it. */
const checkJobs = ({ metadata, uniqueKey }: ScheduleDefinition): void => {
  const keyFault = uniqueKey === null ? null : uniqueKeyFault(uniqueKey);
  if (keyFault !== null) throw invalid("/unique_key", keyFault);
  const fault = metadata === null ? null : metadataFault(metadata);
  if (typeof fault === "string") throw invalid("/metadata", fault);
  const [first] = fault ?? [];
  if (first !== undefined) throw invalid(first.pointer, first.message);
};

/** @throws {ForgeqError} `unknown_queue` - its slots would be refused */
export const checkQueue = async (sql: Sql, { name, type, queue }: ScheduleDefinition): Promise<void> => {
  if (queue === null || (await mayGoTo(sql, type, queue))) return;
  const message = `jobs of type ${type} may not go to the queue ${queue}, as the schedule ${name} says: it is not there, or nobody lists it for the type`;
  throw new ForgeqError("unknown_queue", message, {
    errors: [{ pointer: "/queue", message: "is no queue for this type" }],
  });
};

export const listSchedules = (deps: Deps): Promise<schedules.Schedule[]> =>
  schedules.listSchedules(deps.db, deps.clock());

/** A page of schedules by name, see readSchedulePage. */
export const schedulePage = (deps: Deps, after: string, limit: number): Promise<SchedulePage> =>
  readSchedulePage(deps.db, after, limit, deps.clock());

export const getSchedule = async (deps: Deps, name: string): Promise<schedules.Schedule | "not_found"> =>
  (await schedules.getSchedule(deps.db, name, deps.clock())) ?? "not_found";

const wakeFor = (deps: Deps, next: Date | null, now: Date): Promise<void> =>
  wakeDispatcher(deps, next === null ? null : Math.max(0, (next.getTime() - now.getTime()) / 1000));

/**
 * Makes a schedule; its first slot is the first one after this instant.
 *
 * @throws {ForgeqError} `invalid_schedule`; `unknown_queue`; `schedule_exists`
 */
export const createSchedule = async (deps: Deps, definition: ScheduleDefinition): Promise<schedules.Schedule> => {
  const id = uuidV7();
  const now = await schedules.databaseNow(deps.db, deps.clock());
  checkEnd(definition, now);
  checkJobs(definition);
  const next = firstSlot(definition, now);
  await checkQueue(deps.db, definition);
  await armNextMinute(deps);
  await schedules.insertSchedule(
    deps.db,
    { ...definition, decidedUntil: now, nextSlotAt: definition.paused ? null : next },
    id,
    false,
  );
  const made = await schedules.getSchedule(deps.db, definition.name, deps.clock());
  if (made?.id !== id) throw new ForgeqError("schedule_exists", `there is a schedule ${definition.name} already`);
  await wakeFor(deps, made.nextSlotAt, now);
  return made;
};

const RULE = ["cron", "timezone"] as const;

const sameInstant = (a: Date | null, b: Date | null): boolean => a?.getTime() === b?.getTime();

const sameRule = (a: ScheduleDefinition, b: ScheduleDefinition): boolean =>
  RULE.every((field) => a[field] === b[field]) &&
  sameInstant(a.startsAt, b.startsAt) &&
  sameInstant(a.endsAt, b.endsAt);

/**
 * How a schedule that was seen is written with an edit. A new rule begins now, and so does one that was paused: what falls
 * into a pause never fires.
 */
export const writeOf = (seen: schedules.ScheduleNow, edited: ScheduleDefinition): schedules.ScheduleWrite => {
  const goesOn = sameRule(seen, edited) && !seen.paused && !edited.paused;
  const decidedUntil = goesOn || seen.decidedUntil > seen.now ? seen.decidedUntil : seen.now;
  const next = firstSlot(edited, decidedUntil);
  return { ...edited, decidedUntil, nextSlotAt: edited.paused ? null : next };
};

/** What is due by the rule that is being replaced. */
export const isDue = (seen: schedules.ScheduleNow): boolean =>
  !seen.paused && seen.nextSlotAt !== null && seen.nextSlotAt <= seen.now;

/**
 * Edits a schedule. Slots that are due by then fire first, as it stood; a scheduler that fires it meanwhile changes nothing.
 *
 * @param edit - gives the schedule as it shall be
 * @throws {ForgeqError} `invalid_schedule`; `unknown_queue`; `declared_in_code` when more than `paused` of a declared one changes; `busy`
 */
export const updateSchedule = async (
  deps: Deps,
  name: string,
  edit: (seen: schedules.Schedule) => ScheduleDefinition,
): Promise<schedules.Schedule | "not_found"> => {
  await armNextMinute(deps);
  for (let tried = 0; tried < TRIES; tried += 1) {
    const seen = await schedules.getSchedule(deps.db, name, deps.clock());
    if (seen === null) return "not_found";
    const write = writeOf(seen, edit(seen));
    if (!sameInstant(seen.endsAt, write.endsAt)) checkEnd(write, seen.now);
    checkJobs(write);
    if (seen.declared && !sameButPaused(seen, write))
      throw new ForgeqError(
        "declared_in_code",
        `the code declares the schedule ${name}: only pause and resume it here`,
      );
    // One whose queue is gone can still be paused, and edited otherwise.
    if (seen.type !== write.type || seen.queue !== write.queue || (seen.paused && !write.paused))
      await checkQueue(deps.db, write);
    const [fired] = isDue(seen) ? await schedules.fireSlots(deps.db, [fireOf(seen)], deps.clock()) : [];
    // Slots that its queue refuses hold up no edit.
    const settled = fired === undefined || fired.outcome === "refused";
    if (settled && (await schedules.updateSchedule(deps.db, write, seen))) {
      const edited = await schedules.getSchedule(deps.db, name, deps.clock());
      if (edited === null) return "not_found";
      await wakeFor(deps, edited.nextSlotAt, edited.now);
      return edited;
    }
    if (fired?.outcome !== "fired") await deps.sleep(0.01 * (tried + 1) * (0.5 + deps.random()));
  }
  throw new ForgeqError("busy", "the schedule is changing; try again", { retryAfterSeconds: 1 });
};

const DEFINITION = [
  ...(["type", "queue", "priority", "overlap", "catchUp", "catchUpLimit", "jitterSeconds", "maxAttempts"] as const),
  "uniqueKey",
] as const;

const sortedJson = (value: unknown): string =>
  JSON.stringify(value, (_key, each: unknown) =>
    typeof each === "object" && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  );

/** Whether two definitions differ in nothing but the pause switch. */
export const sameButPaused = (a: ScheduleDefinition, b: ScheduleDefinition): boolean =>
  sameRule(a, b) &&
  DEFINITION.every((field) => a[field] === b[field]) &&
  sortedJson([a.payload, a.metadata]) === sortedJson([b.payload, b.metadata]);

/** Takes a schedule away; jobs that it enqueued stay. @throws {ForgeqError} `declared_in_code` */
export const deleteSchedule = async (deps: Deps, name: string): Promise<"deleted" | "not_found"> => {
  if (await schedules.deleteSchedule(deps.db, name)) return "deleted";
  if ((await getSchedule(deps, name)) === "not_found") return "not_found";
  throw new ForgeqError("declared_in_code", `the code declares the schedule ${name}: remove it there`);
};

/** Enqueues one job of a schedule now, in addition to its slots. @throws {ForgeqError} `unknown_queue`, `queue_full` */
export const triggerSchedule = async (deps: Deps, name: string): Promise<Job | "not_found"> => {
  await armNextMinute(deps);
  const triggered = await schedules.triggerSchedule(deps.db, name, uuidV7(), deps.clock());
  if (triggered === null) return "not_found";
  await wakeDispatcher(deps, 0, triggered.queue ?? undefined);
  return (await getJob(deps.db, triggered.id, deps.clock())) ?? "not_found";
};
