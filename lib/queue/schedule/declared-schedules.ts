import { ForgeqError } from "../../core/errors.ts";
import type { JobDefinition } from "../../core/job.ts";
import { type ScheduleDefinition } from "../../core/schedule.ts";
import { uuidV7 } from "../../core/uuid.ts";
import type { Sql } from "../../db/drivers/client.ts";
import * as schedules from "../../db/reads/schedules.ts";
import { fireOf } from "./fire-schedules.ts";
import { checkPayload } from "../enqueue/typed-job.ts";
import { checkQueue, firstSlot, isDue, sameButPaused, writeOf } from "./manage-schedules.ts";

const declaredBy = (jobs: readonly JobDefinition[]): ScheduleDefinition[] =>
  jobs.flatMap((job) =>
    job.schedules.map((schedule) => ({ ...schedule, type: job.type, payload: checkPayload(job, schedule.payload) })),
  );

/**
 * Brings the schedules that the code declares in line with it, inside the caller's transaction: makes new ones, edits changed ones
 * (slots due by then fire first), removes those that it dropped, but for those of another owner's types. The pause switch is the operator's and stays.
 *
 * @throws {ForgeqError} `invalid_schedule`, `invalid_payload`, `unknown_queue`, or `schedule_exists` where the name is one made through the API
 */
export const syncSchedules = async (
  tx: Sql,
  jobs: readonly JobDefinition[],
  at: Date | null,
  owner: string | null,
): Promise<void> => {
  const declared = declaredBy(jobs);
  const twice = declared.find(({ name }, index) => declared.findIndex((each) => each.name === name) !== index);
  if (twice !== undefined) throw new ForgeqError("schedule_exists", `the schedule ${twice.name} is declared twice`);

  const there = new Map((await schedules.listSchedulesIn(tx, at)).map((each) => [each.name, each]));
  const now = await schedules.databaseNow(tx, at);
  for (const definition of declared) {
    await checkQueue(tx, definition);
    const seen = there.get(definition.name);
    if (seen === undefined) {
      const write = { ...definition, decidedUntil: now, nextSlotAt: firstSlot(definition, now) };
      await schedules.insertSchedule(tx, write, uuidV7(), true);
    } else if (!seen.declared) {
      throw new ForgeqError(
        "schedule_exists",
        `a schedule ${definition.name} was made by hand: delete it, or rename one`,
      );
    } else if (!sameButPaused(seen, definition)) {
      await edit(tx, seen, { ...definition, paused: seen.paused }, at);
    }
  }
  await schedules.deleteDropped(
    tx,
    declared.map(({ name }) => name),
    owner,
  );
};

const TRIES = 5;

/** Schedulers go on firing meanwhile: what one of them has moved is read again. */
const edit = async (tx: Sql, first: schedules.ScheduleNow, definition: ScheduleDefinition, at: Date | null) => {
  let seen: schedules.ScheduleNow | undefined = first;
  for (let tried = 0; tried < TRIES && seen !== undefined; tried += 1) {
    const [fired] = isDue(seen) ? await schedules.fireSlotsIn(tx, [fireOf(seen)], at) : [];
    const settled = fired === undefined || fired.outcome === "refused";
    if (settled && (await schedules.updateSchedule(tx, writeOf(seen, definition), seen))) return;
    seen = (await schedules.listSchedulesIn(tx, at)).find(({ name }) => name === first.name);
  }
  if (seen === undefined) return;
  throw new ForgeqError("busy", `the schedule ${first.name} is changing; try again`, { retryAfterSeconds: 1 });
};
