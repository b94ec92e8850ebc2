import { describeCron } from "../core/describe-cron.ts";
import { ForgeqError } from "../core/errors.ts";
import type { CatchUp, Overlap, ScheduleDefinition } from "../core/schedule.ts";
import { SCHEDULE_DEFAULTS } from "../core/schedule.ts";
import { slotsBetween } from "../core/slots.ts";
import { checkTypedPayload } from "../http/new-job.ts";
import { wholeSchedule } from "../http/schedule-answer.ts";
import { toWireJob, toWireSchedule } from "../http/wire.ts";
import type { Deps } from "../queue/deps.ts";
import * as schedules from "../queue/schedule/manage-schedules.ts";
import type { GlobalOptions } from "./command.ts";
import { withDeps } from "./deps.ts";
import { describeFieldErrors } from "./failure.ts";
import { projectTypes } from "./project.ts";
import { COLUMNS } from "./columns.ts";
import { printTable } from "./table.ts";
import { paint, print, printable, printJson, say } from "./terminal.ts";

export interface ScheduleOptions {
  readonly cron?: string;
  readonly timezone?: string;
  readonly type?: string;
  readonly payload?: unknown;
  readonly queue?: string;
  readonly priority?: number;
  readonly overlap?: Overlap;
  readonly catchUp?: CatchUp;
  readonly catchUpLimit?: number;
  readonly startsAt?: Date;
  readonly endsAt?: Date;
  readonly jitterSeconds?: number;
  readonly maxAttempts?: number;
  readonly uniqueKey?: string;
  readonly metadata?: unknown;
}

const instant = (at: Date | null): string => at?.toISOString().replace(".000Z", "Z") ?? "";

/** `forgeq schedules list` */
export const runSchedulesList = (options: GlobalOptions): Promise<void> =>
  withDeps(options, { migrate: "schema", part: "read" }, async (deps) => {
    const all = await schedules.listSchedules(deps);
    if (options.json === true) return all.forEach((each) => printJson(toWireSchedule(each)));
    if (all.length === 0) return say("No schedules: forgeq schedules create makes one, or declare it in a job.ts.");
    const rows = all.map((each) => [
      ...[each.name, each.cron, each.timezone, each.type].map(printable),
      instant(each.lastSlotAt),
      instant(each.nextSlotAt),
      each.paused ? paint("yellow", "paused") : each.declared ? "declared" : "",
    ]);
    printTable(COLUMNS.schedules, rows, options);
  });

const show = async (schedule: schedules.Schedule, options: GlobalOptions): Promise<void> => {
  const whole = await wholeSchedule(schedule);
  if (options.json === true) return printJson(whole);
  print(printable(`${schedule.name}: ${whole.description} (${schedule.cron}, ${schedule.timezone})`));
  print(
    `type ${schedule.type}, overlap ${schedule.overlap}, catch up ${schedule.catchUp}${schedule.paused ? ", paused" : ""}`,
  );
  for (const slot of whole.next_slots) print(slot.replace(".000Z", "Z"));
};

const onSchedule = (
  name: string,
  options: GlobalOptions,
  act: (deps: Deps) => Promise<schedules.Schedule | "not_found">,
  part: "api" | "read" = "api",
): Promise<void> =>
  withDeps(options, { migrate: "schema", part }, async (deps) => {
    const schedule = await act(deps);
    if (schedule === "not_found") throw new ForgeqError("not_found", `there is no schedule ${name}`);
    await show(schedule, options);
  });

/** `forgeq schedules show` */
export const runSchedulesShow = (name: string, options: GlobalOptions): Promise<void> =>
  onSchedule(name, options, (deps) => schedules.getSchedule(deps, name), "read");

/** Type and payload, as every slot's job will have them. */
const checked = async <Schedule extends ScheduleDefinition>(schedule: Schedule): Promise<Schedule> => {
  try {
    return { ...schedule, payload: await checkTypedPayload(await projectTypes(), schedule.type, schedule.payload) };
  } catch (error) {
    throw describeFieldErrors(error);
  }
};

/** `forgeq schedules create` */
export const runSchedulesCreate = async (name: string, options: ScheduleOptions & GlobalOptions): Promise<void> => {
  const definition = await checked(definitionOf(name, options));
  await onSchedule(name, options, (deps) => schedules.createSchedule(deps, definition));
};

const FIELDS = [
  ...["cron", "timezone", "type", "payload", "queue", "priority", "overlap", "catchUp", "catchUpLimit"],
  ...["startsAt", "endsAt", "jitterSeconds", "maxAttempts", "uniqueKey", "metadata"],
];

/** What of the options is of the schedule itself. */
const given = (options: ScheduleOptions): Partial<ScheduleDefinition> =>
  Object.fromEntries(Object.entries(options).filter(([field, value]) => FIELDS.includes(field) && value !== undefined));

const definitionOf = (name: string, options: ScheduleOptions): ScheduleDefinition => ({
  ...SCHEDULE_DEFAULTS,
  name,
  cron: "",
  type: "",
  ...given(options),
});

/** `forgeq schedules update` */
export const runSchedulesUpdate = (name: string, options: ScheduleOptions & GlobalOptions): Promise<void> =>
  onSchedule(name, options, async (deps) => {
    const seen = await schedules.getSchedule(deps, name);
    if (seen === "not_found") return seen;
    const { type, payload } = await checked({ ...seen, ...given(options) });
    return schedules.updateSchedule(deps, name, (now) => ({ ...now, ...given(options), type, payload }));
  });

/** `forgeq schedules pause` and `resume` */
export const runSchedulesPause = (name: string, paused: boolean, options: GlobalOptions): Promise<void> =>
  onSchedule(name, options, (deps) => schedules.updateSchedule(deps, name, (seen) => ({ ...seen, paused })));

/** `forgeq schedules delete` */
export const runSchedulesDelete = (name: string, options: GlobalOptions): Promise<void> =>
  withDeps(options, { migrate: "schema", part: "api" }, async (deps) => {
    if ((await schedules.deleteSchedule(deps, name)) === "not_found")
      throw new ForgeqError("not_found", `there is no schedule ${name}`);
    say(`${name} is gone; its jobs stay.`);
  });

/** `forgeq schedules trigger` */
export const runSchedulesTrigger = (name: string, options: GlobalOptions): Promise<void> =>
  withDeps(options, { migrate: "schema", part: "api" }, async (deps) => {
    const job = await schedules.triggerSchedule(deps, name);
    if (job === "not_found") throw new ForgeqError("not_found", `there is no schedule ${name}`);
    if (options.json === true) printJson(toWireJob(job));
    else print(job.id);
  });

const LAST = new Date("9999-12-31T00:00:00Z");

/** `forgeq schedules preview`: needs no database. */
export const runSchedulesPreview = async (
  cron: string,
  options: GlobalOptions & { readonly timezone?: string; readonly count?: number; readonly after?: Date },
): Promise<void> => {
  const rule = { ...SCHEDULE_DEFAULTS, cron, timezone: options.timezone ?? SCHEDULE_DEFAULTS.timezone };
  const slots = slotsBetween(rule, options.after ?? new Date(), LAST, options.count ?? 10);
  const description = await describeCron(cron);
  if (options.json === true) return printJson({ description, slots: slots.map((slot) => slot.toISOString()) });
  say(description);
  for (const slot of slots) print(instant(slot));
};
