import * as z from "zod";
import { NAME_PATTERN } from "../../core/job.ts";
import { mayUseQueue } from "../../http/access.ts";
import type { ApiKey } from "../../http/api-keys.ts";
import {
  toWireErrors,
  toWireHappened,
  toWireLease,
  toWirePoints,
  toWireStats,
  toWireType,
} from "../../http/activity-wire.ts";
import { partOf } from "../../http/job-filter.ts";
import type { JobTypes } from "../../http/new-job.ts";
import type { activityOperations } from "../../http/operations/activity.ts";
import type { Handlers } from "../../http/serve.ts";
import { encodeCursor, toWireQueue } from "../../http/wire.ts";
import type { Deps } from "../../queue/deps.ts";
import { errorGroups, getType, listLeases, listTypes, listWorkers, type Part } from "../../queue/observe/activity.ts";
import { jobCounts } from "../../queue/observe/job-counts.ts";
import { createOverview, type Overview } from "../../queue/observe/overview.ts";
import { periodStats } from "../../queue/observe/period-stats.ts";
import type { QueueStats } from "../../queue/observe/queue-stats.ts";
import { notFound, ok } from "./found.ts";

const MAX_GROUPS = 50;
const MAX_COUNTS = 200;

const hasTexts = (key: ApiKey): boolean => key.scopes.includes("payloads:read");

const sum = (queues: readonly QueueStats[], of: (queue: QueueStats) => number): number =>
  queues.reduce((total, queue) => total + of(queue), 0);

const totalsOf = (queues: readonly QueueStats[]) => ({
  scheduled: sum(queues, (queue) => queue.scheduled),
  pending: sum(queues, (queue) => queue.pending),
  leased: sum(queues, (queue) => queue.leased),
  running: sum(queues, (queue) => queue.running),
  dead: sum(queues, (queue) => queue.dead),
  capped: queues.some(({ capped }) => capped),
  oldest_pending_age_seconds: queues[0]?.oldestPendingSeconds ?? null,
  in_flight: sum(queues, (queue) => queue.inFlight),
  max_in_flight: queues.some(({ maxInFlight }) => maxInFlight === null)
    ? null
    : sum(queues, (queue) => queue.maxInFlight ?? 0),
});

const ratesOf = (queues: readonly QueueStats[]): QueueStats["perMinute"] => {
  const known = queues.flatMap(({ perMinute }) => perMinute ?? []);
  if (known.length === 0) return null;
  const of = (name: "enqueued" | "completed" | "failed" | "dead") =>
    known.reduce((total, rates) => total + rates[name], 0);
  return { enqueued: of("enqueued"), completed: of("completed"), failed: of("failed"), dead: of("dead") };
};

const toWireOverview = ({ config }: Deps, key: ApiKey, overview: Overview) => ({
  at: overview.at.toISOString(),
  service: config.service,
  stage: config.stage,
  wake: config.wakeMode,
  last_tick_at: overview.lastTickAt?.toISOString() ?? null,
  next_event_at: overview.nextEventAt?.toISOString() ?? null,
  totals: totalsOf(overview.queues),
  last_hour: toWireHappened(overview.lastHour.totals),
  per_minute: ratesOf(overview.queues),
  points: toWirePoints(overview.lastHour.points),
  queues: overview.queues.map(toWireQueue),
  queues_left_out: overview.queuesLeftOut,
  errors: toWireErrors(overview.errors, hasTexts(key)),
  overdue_schedules: overview.overdue.map(({ name, slotAt }) => ({ name, next_slot_at: slotAt.toISOString() })),
});

/** The numbers of whole queues are for keys that may use those. */
const wholeQueues = (key: ApiKey, part: Part): boolean =>
  key.types === null || (part.queues?.every((name) => mayUseQueue(key, name)) ?? false);

/** @param types - the job types of this process' code */
export const activityHandlers = (types: () => Promise<JobTypes>): Handlers<typeof activityOperations, Deps> => {
  const overviewOf = createOverview();
  return {
    getOverview: async (deps, { key }) => ok(toWireOverview(deps, key, await overviewOf(deps, partOf(key)))),

    getStats: async (deps, { key, query }) =>
      ok(toWireStats(await periodStats(deps, query.window, partOf(key, query)))),

    countJobs: async (deps, { key, query }) => {
      const part = partOf(key, query);
      const { by, scheduled, pending, ...counts } = await jobCounts(deps, part);
      const whole = wholeQueues(key, part);
      return ok({
        ...counts,
        scheduled: whole ? scheduled : null,
        pending: whole ? pending : null,
        by: by.slice(0, MAX_COUNTS).map(({ leased, running, ...count }) => ({ ...count, in_flight: leased + running })),
      });
    },

    listErrors: async (deps, { key, query }) =>
      ok(toWireErrors(await errorGroups(deps, query.window, partOf(key, query), MAX_GROUPS), hasTexts(key))),

    listLeases: async (deps, { key, query: { limit, after, ...asked } }) => {
      const { leases, next } = await listLeases(deps, partOf(key, asked), { limit, after });
      return ok({
        data: leases.map((lease) => toWireLease(lease, hasTexts(key))),
        next_cursor: next === null ? null : encodeCursor(next),
        ...(!hasTexts(key) && { hidden: ["progress.note"] }),
      });
    },

    listWorkers: async (deps, { key }) => {
      const { workers, capped } = await listWorkers(deps, partOf(key));
      return ok({
        data: workers.map(({ offersUntil, since, ...worker }) => ({
          ...worker,
          offers_until: offersUntil?.toISOString() ?? null,
          since: since?.toISOString() ?? null,
        })),
        capped,
      });
    },

    listTypes: async (deps, { key, query }) => {
      const [page, known] = await Promise.all([listTypes(deps, key.types, query), types()]);
      return ok({
        data: page.types.map((type) => toWireType(type, known.has(type.type))),
        next_cursor: page.next === null ? null : encodeCursor(page.next),
      });
    },

    getType: async (deps, { key, params: { type: name = "" } }) => {
      const may = NAME_PATTERN.test(name) && (key.types?.includes(name) ?? true);
      const [type, known] = await Promise.all([may ? getType(deps, name) : null, types()]);
      if (type === null) throw notFound("job type");
      const payload = known.get(name)?.payload;
      const schema = payload && (z.toJSONSchema(payload, { io: "input", unrepresentable: "any" }) as object);
      return ok({ ...toWireType(type, known.has(name)), payload_schema: schema ?? null });
    },
  };
};
