import type * as z from "zod";
import { checksOf } from "./checks.ts";
import { uniqueKeyFault } from "./controls.ts";
import {
  CATCH_UPS,
  type CatchUp,
  type DeclaredSchedule,
  MAX_CATCH_UP,
  MAX_JITTER_SECONDS,
  type Overlap,
  OVERLAPS,
  SCHEDULE_DEFAULTS,
} from "./schedule.ts";

/** A schedule of a job type, in `defineJob`. Only name and rule are needed, and a payload where the schema wants one. */
export interface ScheduleInput<Schema extends z.ZodType> {
  /** Matches `^[a-z][a-z0-9_-]{0,39}$`; the only one of that name. */
  readonly name: string;
  /** Five fields, six with seconds first, or `@daily` and the like. */
  readonly cron: string;
  /** A name of the IANA database; UTC unless given. */
  readonly timezone?: string;
  /** `{}` unless given. */
  readonly payload?: z.input<Schema>;
  readonly queue?: string;
  readonly priority?: number;
  /** While an earlier job of it lives: `allow` (unless given) enqueues all the same, `skip` leaves the slot out, `queue_one` lets one wait until the earlier one has ended. */
  readonly overlap?: Overlap;
  /** Which missed slots still fire: with `skip` (unless given) none, with `last` the newest, with `all` the newest `catchUpLimit`. */
  readonly catchUp?: CatchUp;
  /** 1 to 1,000, 10 unless given. */
  readonly catchUpLimit?: number;
  readonly startsAt?: Date;
  readonly endsAt?: Date;
  /** 0 to 3,600: a slot's job is due up to this many seconds later. */
  readonly jitterSeconds?: number;
  /** 1 to 1,000; the type's unless given. */
  readonly maxAttempts?: number;
  /** While a job of the type with this key lives, a slot makes none. */
  readonly uniqueKey?: string;
  /** Of its jobs, in addition to `schedule` and `slot_at`. */
  readonly metadata?: Record<string, unknown>;
}

/**
 * A schedule with its defaults. The rule, the zone and the payload are checked when it is written to the database, because
 * what enqueues need not know the calendar.
 *
 * @throws ForgeqError `invalid_job` that names the schedule and the field
 */
export const defineSchedule = <Schema extends z.ZodType>(input: ScheduleInput<Schema>): DeclaredSchedule => {
  const {
    name,
    cron,
    timezone = SCHEDULE_DEFAULTS.timezone,
    payload = {},
    queue = null,
    priority = null,
    ...more
  } = input;
  const { overlap = SCHEDULE_DEFAULTS.overlap, catchUp = SCHEDULE_DEFAULTS.catchUp, ...rest } = more;
  const {
    catchUpLimit = SCHEDULE_DEFAULTS.catchUpLimit,
    jitterSeconds = SCHEDULE_DEFAULTS.jitterSeconds,
    ...bounds
  } = rest;
  const { startsAt = null, endsAt = null, maxAttempts = null, uniqueKey = null, metadata = null, ...others } = bounds;
  const checks = checksOf(`schedule ${JSON.stringify(name)}`);
  checks.noOthers(others);
  if (!OVERLAPS.includes(overlap)) checks.fail(`overlap must be one of ${OVERLAPS.join(", ")}`);
  if (!CATCH_UPS.includes(catchUp)) checks.fail(`catchUp must be one of ${CATCH_UPS.join(", ")}`);
  const fault = uniqueKey === null ? null : uniqueKeyFault(uniqueKey);
  if (fault !== null) checks.fail(`uniqueKey ${fault}`);
  if (metadata !== null && (typeof metadata !== "object" || Array.isArray(metadata)))
    checks.fail("metadata must be an object");
  return {
    name: checks.name("name", name),
    cron,
    timezone,
    payload,
    queue: queue === null ? null : checks.name("queue", queue),
    priority: priority === null ? null : checks.integer("priority", priority, 0, 9),
    paused: false,
    overlap,
    catchUp,
    catchUpLimit: checks.integer("catchUpLimit", catchUpLimit, 1, MAX_CATCH_UP),
    startsAt,
    endsAt,
    jitterSeconds: checks.integer("jitterSeconds", jitterSeconds, 0, MAX_JITTER_SECONDS),
    maxAttempts: maxAttempts === null ? null : checks.integer("maxAttempts", maxAttempts, 1, 1000),
    uniqueKey,
    metadata,
  };
};
