import { NAME_PATTERN } from "../core/job.ts";
import type { Attempt } from "../db/reads/attempts.ts";
import type { Job } from "../db/reads/jobs.ts";
import type { QueueStats } from "../db/reads/stats.ts";
import type { Schedule } from "../db/reads/schedules.ts";

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Whether Postgres takes the text as a uuid in the usual form, of whatever version. */
export const isUuid = (text: string): boolean => UUID.test(text);

const instant = (at: Date | null): string | null => at?.toISOString() ?? null;

const toWireAttempt = ({ number, outcome, leaseId, beganAt, endedAt, error }: Attempt) => ({
  number,
  outcome,
  lease_id: leaseId,
  began_at: instant(beganAt),
  ended_at: instant(endedAt),
  error,
});

/** A job as the API answers it. `payload`, `result` and `attempts` are there when the job was read with them. */
export const toWireJob = (job: Job) => ({
  id: job.id,
  type: job.type,
  queue: job.queue,
  state: job.state,
  priority: job.priority,
  ...(job.payload !== undefined && { payload: job.payload }),
  metadata: job.metadata,
  unique_key: job.uniqueKey,
  attempt: job.attempt,
  max_attempts: job.maxAttempts,
  life: job.life,
  progress: job.progress,
  created_at: instant(job.createdAt),
  run_at: instant(job.runAt),
  ...(job.startBefore && { start_before: instant(job.startBefore) }),
  started_at: instant(job.startedAt),
  finished_at: instant(job.finishedAt),
  ...(job.result !== undefined && { result: job.result }),
  error: job.error,
  ...(job.attempts !== undefined && { attempts: job.attempts.map(toWireAttempt) }),
  ...(job.retried !== undefined && { retried: { at: instant(job.retried.at), by: job.retried.by } }),
});

/** A queue as the API answers it; null is no limit. `capped`: a number of `jobs` is a lower bound. */
export const toWireQueue = (queue: QueueStats) => ({
  name: queue.name,
  paused: queue.paused,
  pause: queue.pause && {
    reason: queue.pause.reason,
    since: instant(queue.pause.since),
    until: instant(queue.pause.until),
  },
  declared: queue.declared,
  types: queue.types,
  max_in_flight: queue.maxInFlight,
  max_pending: queue.maxPending,
  retention_days: queue.retentionDays,
  overridden: queue.overridden,
  code: queue.codeLimits,
  in_flight: queue.inFlight,
  jobs: {
    scheduled: queue.scheduled,
    pending: queue.pending,
    leased: queue.leased,
    running: queue.running,
    dead: queue.dead,
  },
  capped: queue.capped,
  oldest_pending_age_seconds: queue.oldestPendingSeconds,
  per_minute: queue.perMinute,
});

/** A schedule as the API answers it. */
export const toWireSchedule = (schedule: Schedule) => ({
  name: schedule.name,
  cron: schedule.cron,
  timezone: schedule.timezone,
  type: schedule.type,
  payload: schedule.payload,
  queue: schedule.queue,
  priority: schedule.priority,
  paused: schedule.paused,
  overlap: schedule.overlap,
  catch_up: schedule.catchUp,
  catch_up_limit: schedule.catchUpLimit,
  starts_at: instant(schedule.startsAt),
  ends_at: instant(schedule.endsAt),
  jitter_seconds: schedule.jitterSeconds,
  max_attempts: schedule.maxAttempts,
  unique_key: schedule.uniqueKey,
  metadata: schedule.metadata,
  declared: schedule.declared,
  last_slot_at: instant(schedule.lastSlotAt),
  next_slot_at: instant(schedule.nextSlotAt),
});

/** Where a list goes on, opaque to clients. */
export const encodeCursor = (after: string): string => Buffer.from(after).toString("base64url");

const decode = (cursor: string, isOne: (after: string) => boolean): string | null => {
  const after = Buffer.from(cursor, "base64url").toString();
  return isOne(after) && encodeCursor(after) === cursor ? after : null;
};

/** What `encodeCursor` was given of a list of jobs, or null when the text is no such cursor. */
export const decodeCursor = (cursor: string): string | null => decode(cursor, isUuid);

/** The same of a job's attempts. */
export const decodeAttempt = (cursor: string): string | null =>
  decode(cursor, (after) => /^\d{1,17}\.\d{1,5}$/.test(after));

/** The same of a job's lives. */
export const decodeLife = (cursor: string): string | null => decode(cursor, (after) => /^[1-9]\d{0,8}$/.test(after));

/** The same of a list by name. */
export const decodeName = (cursor: string): string | null => decode(cursor, (after) => NAME_PATTERN.test(after));
