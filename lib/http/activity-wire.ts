/** What shows activity, as the API answers it. */
import type { ErrorGroups } from "../db/reads/errors.ts";
import type { OpenLease } from "../db/reads/leases.ts";
import type { Happened, PeriodStats } from "../queue/observe/period-stats.ts";
import type { StoredType } from "../db/reads/job-types.ts";

const instant = (at: Date | null): string | null => at?.toISOString() ?? null;

export const toWireHappened = ({ enqueued, completed, failed, dead, cancelled, wait, run }: Happened) => ({
  enqueued,
  completed,
  failed,
  dead,
  cancelled,
  wait,
  run,
});

export const toWirePoints = (points: readonly (Happened & { readonly at: Date })[]) =>
  points.map((point) => ({ at: point.at.toISOString(), ...toWireHappened(point) }));

export const toWireStats = (stats: PeriodStats) => ({
  window: stats.window,
  step_seconds: stats.stepSeconds,
  from: stats.from.toISOString(),
  to: stats.to.toISOString(),
  totals: toWireHappened(stats.totals),
  points: toWirePoints(stats.points),
});

/** @param withTexts - the key may read messages */
export const toWireErrors = ({ groups, attempts, since, complete }: ErrorGroups, withTexts: boolean) => ({
  data: groups.map(({ essence, example, first_at, last_at, ...group }) => ({
    ...group,
    name: essence.name,
    message: withTexts ? essence.message : null,
    example: withTexts ? example : null,
    frame: essence.frame ?? null,
    first_at: new Date(first_at).toISOString(),
    last_at: new Date(last_at).toISOString(),
  })),
  attempts,
  since: new Date(since).toISOString(),
  complete,
  ...(!withTexts && { hidden: ["message", "example"] }),
});

/** @param withTexts - the key may read notes of progress */
export const toWireLease = (lease: OpenLease, withTexts: boolean) => ({
  id: lease.id,
  type: lease.type,
  queue: lease.queue,
  jobs: lease.jobs,
  job_ids: lease.jobIds,
  created_at: instant(lease.createdAt),
  began_at: instant(lease.beganAt),
  expires_at: instant(lease.expiresAt),
  expired: lease.expired,
  invocation: lease.invocation,
  cancel_requested: lease.cancelRequested,
  progress: withTexts
    ? lease.progress
    : Object.fromEntries(Object.entries(lease.progress).map(([id, { fraction }]) => [id, { fraction }])),
});

/** @param declared - this process has the type's code */
export const toWireType = (type: StoredType, declared: boolean) => ({
  type: type.type,
  queue: type.queue,
  queues: type.queues,
  priority: type.priority,
  max_attempts: type.maxAttempts,
  backoff: type.backoff,
  timeout_seconds: type.timeoutSeconds,
  lease_seconds: type.leaseSeconds,
  batch_size: type.batchSize,
  search: type.search,
  search_ready: type.searchReady,
  overridden: type.overridden,
  declared,
});
