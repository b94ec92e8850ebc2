import * as z from "zod";
import { defineJob, defineQueue } from "../../lib/core/define.ts";
import type { JobDefinition, QueueDefinition } from "../../lib/core/job.ts";
import type { JobState } from "../../lib/core/states.ts";
import { uuidV7 } from "../../lib/core/uuid.ts";
import type { Db } from "../../lib/db/drivers/client.ts";
import type { IdentifiedJob } from "../../lib/core/new-job.ts";
import { enqueueMany } from "../../lib/db/protocol/enqueue.ts";
import { getJob } from "../../lib/db/reads/job.ts";
import type { Job } from "../../lib/db/reads/jobs.ts";
import { beginLease, claim, type Claimed } from "../../lib/db/protocol/leases.ts";
import { type LeaseHolder, type Ended, settle, type Settled } from "../../lib/db/protocol/settle.ts";
import { forgetDispatchers } from "../../lib/db/protocol/wake.ts";
import type { Deps, Invoker, Logger, Metrics } from "../../lib/queue/deps.ts";
import { syncDefinitions } from "../../lib/queue/manage/sync-definitions.ts";
import { realTime } from "../../lib/queue/time.ts";
import { createTestDatabase, type TestDatabase } from "./database/database.ts";

export const plain = defineJob({
  type: "plain",
  queue: "plain",
  payload: z.object({ n: z.number().default(0) }).loose(),
  retry: { maxAttempts: 3, backoff: { type: "fixed", seconds: 10, jitter: "none" } },
});

export const unlimited = defineQueue({ name: "plain", maxInFlight: null });

const silent: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** Counts by metric name. */
export const countingMetrics = (): Metrics & { readonly counts: Map<string, number> } => {
  const counts = new Map<string, number>();
  return {
    counts,
    count: (name, value) => void counts.set(name, (counts.get(name) ?? 0) + value),
    observe: () => undefined,
    flush: () => undefined,
  };
};

export interface SetupOptions {
  readonly jobs?: readonly JobDefinition[];
  readonly queues?: readonly QueueDefinition[];
  readonly invoker?: Invoker;
  readonly logger?: Logger;
  /** The real clock of the database instead of `at`. */
  readonly realClock?: boolean;
  /** SERVICE-STAGE of its processes, and of its types and queues; none unless given. */
  readonly owner?: string;
  /** Emptied and used, instead of a new one. */
  readonly database?: TestDatabase;
}

// Deleted, not truncated: with few rows in many partitions that is ten times faster.
const TABLES = [
  ...[
    "job",
    "lease",
    "lease_closed",
    "job_history",
    "job_attempt",
    "unique_key",
    "type_block",
    "queue",
    "job_type",
    "schedule",
  ],
  ...[
    "metric_total",
    ...[0, 1, 2, 3, 4, 5, 6, 7].map((side) => `metric_delta_${side}`),
    "metric_sample",
    "metric_period",
  ],
  ...["purge_mark", "outcome_retention", "tick_part", "api_key", "idempotency"],
];
const WIPE = `do $$ begin ${TABLES.map((table) => `delete from forgeq.${table};`).join(" ")} end $$`;

/** A lease taken up by one handler call. */
export interface Held extends LeaseHolder {
  readonly jobIds: readonly string[];
}

/** A fresh, migrated database with the given types and queues, and a clock that stands at `at(0)` until `moveTo`. */
export const setup = async (options: SetupOptions = {}) => {
  const { db, url } = options.database ?? (await createTestDatabase());
  if (options.database !== undefined) {
    await db.query(WIPE);
    await forgetDispatchers(db);
  }
  const start = Math.floor(Date.now() / 1000) * 1000;
  const at = (seconds: number): Date => new Date(start + seconds * 1000);
  let now: Date | null = options.realClock === true ? null : at(0);
  await syncDefinitions(db, options.jobs ?? [plain], options.queues ?? [unlimited], now, options.owner ?? null);
  const invocations: { functionName: string; event: unknown }[] = [];
  const metrics = countingMetrics();
  const deps: Deps = {
    db,
    clock: () => now,
    random: Math.random,
    sleep: (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000)),
    time: realTime,
    invoker: options.invoker ?? {
      invoke: (functionName, event) => {
        invocations.push({ functionName, event });
        return Promise.resolve({ outcome: "accepted" });
      },
    },
    logger: options.logger ?? silent,
    metrics,
    config: {
      service: "forgeq",
      stage: "test",
      ...(options.owner !== undefined && { owner: options.owner }),
      wakeMode: "always",
      dispatcherFunction: "forgeq-test-dispatcher",
      handlerFunction: (type) => `forgeq-test-handler-${type}`,
    },
  };

  const queue = {
    /** Stores jobs of type `plain`, and gives their ids. */
    enqueue: async (count = 1, extra: Partial<IdentifiedJob> = {}): Promise<string[]> => {
      const items = Array.from({ length: count }, (_, n) => ({
        id: uuidV7(),
        type: "plain",
        payload: { n },
        ...extra,
      }));
      await enqueueMany(db, items, true, now);
      return items.map((item) => item.id);
    },
    claim: (
      maxJobs = 100,
      name = "plain",
      more: { watermarks?: readonly string[] | null; blockedTypes?: readonly string[]; claimId?: string } = {},
    ): Promise<Claimed> =>
      claim(db, {
        queue: name,
        claimId: uuidV7(),
        maxJobs,
        watermarks: null,
        blockedTypes: [],
        dispatchSeconds: 90,
        at: now,
        ...more,
      }),
    begin: async (leaseId: string, leaseSeconds = 60): Promise<Held | "lease_lost"> => {
      const holder = { leaseId, begunBy: uuidV7() };
      const begun = await beginLease(db, { ...holder, leaseSeconds, invocation: "request", at: now });
      return begun === "lease_lost" ? begun : { ...holder, jobIds: begun.jobs.map((job) => job.id) };
    },
    /** Claims and begins one lease; throws when nothing is due. */
    lease: async (maxJobs = 100): Promise<Held> => {
      const [lease] = (await queue.claim(maxJobs)).leases;
      if (lease === undefined) throw new Error("nothing is due");
      const held = await queue.begin(lease.id);
      if (held === "lease_lost") throw new Error("lease lost");
      return held;
    },
    settle: (held: Held, outcome: Ended["outcome"], extra: Partial<Ended> = {}): Promise<Settled> =>
      settle(
        db,
        held,
        held.jobIds.map((id) => ({ id, outcome, ...extra })),
        now,
      ),
    get: async (id: string): Promise<Job> => {
      const job = await getJob(db, id, now);
      if (job === null) throw new Error(`no job ${id}`);
      return job;
    },
    state: async (id: string): Promise<JobState> => (await queue.get(id)).state,
  };
  return { db, url, deps, queue, at, moveTo: (seconds: number) => (now = at(seconds)), metrics, invocations };
};

export type Setup = Awaited<ReturnType<typeof setup>>;

/** Live jobs with a claim that no open lease lists: always 0. */
export const strays = async (db: Db): Promise<number> => {
  const [row] = await db.query<{ n: number }>(
    `select count(*)::int as n from forgeq.job j where j.claim_id is not null
     and not exists (select from forgeq.lease l where l.claim_id = j.claim_id and j.id = any (l.job_ids))`,
  );
  return row?.n ?? -1;
};

/** Leases whose count of open jobs is not the number of jobs that they hold: always 0. */
export const miscounted = async (db: Db): Promise<number> => {
  const [row] = await db.query<{ n: number }>(
    `select count(*)::int as n from forgeq.lease l
     where l.open_jobs <> (select count(*) from forgeq.job j where j.claim_id = l.claim_id and j.id = any (l.job_ids))`,
  );
  return row?.n ?? -1;
};
