import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished } from "vitest";
import { createInvoker } from "../../../lib/aws/invoke.ts";
import { getJob } from "../../../lib/db/reads/job.ts";
import { localFunctions } from "../../../lib/local/functions.ts";
import type { Fault } from "../../../lib/local/events.ts";
import { startInvoker } from "../../../lib/local/invoker.ts";
import type { Deps } from "../../../lib/queue/deps.ts";
import type { NewJob } from "../../../lib/core/new-job.ts";
import { enqueueJobs } from "../../../lib/queue/enqueue/enqueue-jobs.ts";
import { syncDefinitions } from "../../../lib/queue/manage/sync-definitions.ts";
import { tick } from "../../../lib/queue/schedule/tick.ts";
import { createTestDatabase } from "../database/database.ts";
import { logIn } from "../database/roles.ts";
import { faulty, leaky, relay, shared, steady, unloadable } from "../handlers/jobs.ts";
import { eventOf, SECRET, type TestRequest } from "../http/http.ts";
import { httpDeps } from "../http/http-deps.ts";
import { ROOT, temporaryFolder } from "./start-local.ts";
import { CODE_CACHE } from "../code-cache.ts";

const JOBS = [faulty, leaky, relay, steady, unloadable];
const SERVICE = "forgeq-dev";
const SOON = { timeout: 50_000, interval: 50 };

interface BuildConfig {
  readonly buildOne: (options: { name: string; entry: string; outdir: string }) => Promise<string>;
}

/** Bundles the handlers of test/support/handlers, and an enqueue function for their jobs, as the project's are. */
export const buildHandlers = async () => {
  const folder = temporaryFolder();
  const { buildOne } = (await import(join(ROOT, "esbuild.config.mjs"))) as BuildConfig;
  const build = (type: string, entry = fileURLToPath(new URL(`../handlers/${type}.ts`, import.meta.url))) =>
    buildOne({ name: `handler-${type}`, entry, outdir: join(folder.path, ".build") });
  for (const { type } of JOBS) await build(type);
  const enqueue = fileURLToPath(new URL("../handlers/enqueue.ts", import.meta.url));
  await buildOne({ name: "enqueue", entry: enqueue, outdir: join(folder.path, ".build") });
  return { path: folder.path, build, remove: folder.remove };
};

export interface ProcessesOptions {
  /** Of `buildHandlers`. */
  readonly handlers: string;
  /** What happens to the nth event, from 1, of a type's handler. */
  readonly faults?: (type: string, nth: number) => Fault | undefined;
  /** Of the handlers' functions, instead of what their jobs need. */
  readonly timeoutSeconds?: number;
  /** Processes of each handler at most, instead of what the local run has. */
  readonly concurrency?: number;
  /** Of every process, beside what all need. */
  readonly env?: (databaseUrl: string) => Readonly<Record<string, string>>;
}

const HTTP = { timeoutSeconds: 10, concurrency: 4, maximumRetryAttempts: 0, maximumEventAgeSeconds: 60 };

/**
 * The deployed parts without API Gateway: a database of its own, and the functions with the test's handlers as processes behind the
 * local invoker. Ends with the test.
 */
export const startProcesses = async ({ handlers, faults, env, ...settings }: ProcessesOptions) => {
  const database = await createTestDatabase();
  const { db } = database;
  await syncDefinitions(db, JOBS, [shared]);
  const [{ url }, enqueues, manages] = [
    await logIn(database, ["worker"]),
    await logIn(database, ["enqueue"]),
    await logIn(database, ["manage"]),
  ];
  const log: string[] = [];
  const events = new Map<string, number>();
  const counted = (functionName: string): Fault | undefined => {
    const type = functionName.split("-handler-")[1];
    if (type === undefined) return undefined;
    const nth = (events.get(type) ?? 0) + 1;
    events.set(type, nth);
    return faults?.(type, nth);
  };
  const invoker = await startInvoker({
    functions: {
      ...localFunctions(ROOT, SERVICE, []),
      [`${SERVICE}-enqueue`]: { file: join(handlers, ".build", "enqueue", "index.mjs"), ...HTTP },
      [`${SERVICE}-api`]: { file: join(ROOT, ".build", "api", "index.mjs"), ...HTTP },
      ...Object.fromEntries(
        Object.entries(localFunctions(handlers, SERVICE, JOBS))
          .filter(([name]) => name.includes("-handler-"))
          .map(([name, usual]) => [name, { ...usual, ...settings }]),
      ),
    },
    env: () => ({
      PATH: process.env["PATH"] ?? "",
      ...CODE_CACHE,
      DATABASE_URL: url,
      FORGEQ_DATABASE_URL_ENQUEUE: enqueues.url,
      FORGEQ_DATABASE_URL_API: manages.url,
      FORGEQ_LAMBDA_ENDPOINT: invoker.endpoint,
      // As the stack sets them: without them nothing knows the dispatcher.
      FORGEQ_SERVICE: "forgeq",
      FORGEQ_STAGE: "dev",
      FORGEQ_LOG_LEVEL: "info",
      FORGEQ_API_KEY: SECRET,
      POWERTOOLS_METRICS_DISABLED: "true",
      ...env?.(url),
    }),
    onLog: (name, line) => log.push(`${name} ${line}`),
    faults: counted,
  });
  onTestFinished(() => invoker.close());

  const deps: Deps = {
    ...httpDeps(db),
    invoker: createInvoker({
      region: "us-east-1",
      credentials: () => ({ accessKeyId: "local", secretAccessKey: "local" }),
      endpoint: invoker.endpoint,
    }),
    config: {
      ...httpDeps(db).config,
      dispatcherFunction: `${SERVICE}-dispatcher`,
      handlerFunction: (type) => `${SERVICE}-handler-${type}`,
    },
  };

  const show = async (id: string) => {
    const job = await getJob(db, id, null);
    if (job === null) throw new Error(`job ${id} is lost`);
    return job;
  };
  return {
    db,
    invoker,
    /** Lines of all functions, each after its function's name. */
    log,
    events,
    show,
    /** Invokes an HTTP function, as API Gateway does. */
    http: async (name: "enqueue" | "api", request: TestRequest) => {
      const response = await fetch(`${invoker.endpoint}/2015-03-31/functions/${SERVICE}-${name}/invocations`, {
        method: "POST",
        body: JSON.stringify(eventOf(request)),
      });
      const answer = (await response.json()) as { readonly statusCode: number; readonly body: string };
      return { status: answer.statusCode, text: answer.body };
    },
    enqueue: async (type: string, payload: unknown, more: Partial<NewJob> = {}): Promise<string> => {
      const [enqueued] = await enqueueJobs(deps, [{ type, payload, ...more }]);
      return enqueued!.job.id;
    },
    inState: async (id: string, state: string) => {
      await expect.poll(async () => (await show(id)).state, SOON).toBe(state);
      return show(id);
    },
    /** Waits until a process works on the job. */
    working: async (id: string): Promise<{ pid: number; leaseId: string }> => {
      const leaseOf = () =>
        db.query<{ id: string }>("select id from forgeq.lease where $1 = any (job_ids) and began_at is not null", [id]);
      await expect.poll(async () => (await leaseOf()).length, SOON).toBe(1);
      const leaseId = (await leaseOf())[0]!.id;
      const invocation = invoker.running().find(({ event }) => (event as { lease_id?: string }).lease_id === leaseId);
      if (invocation === undefined) throw new Error(`no process has lease ${leaseId}`);
      return { pid: invocation.pid, leaseId };
    },
    /** One tick, as if `seconds` had passed. */
    tickIn: (seconds: number) => tick({ ...deps, clock: () => new Date(Date.now() + seconds * 1000) }, () => 60_000),
    /** Makes the waiting jobs, and the next tries of blocked types, due and starts a dispatcher, which does not know of the instants they waited for. */
    hurry: async (): Promise<void> => {
      await db.query("update forgeq.type_block set probe_at = now()");
      await db.query("update forgeq.job set run_at = now() where claim_id is null and run_at > now()");
      await deps.invoker.invoke(`${SERVICE}-dispatcher`, {});
    },
  };
};
