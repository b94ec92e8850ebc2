import pg from "pg";
import { expect, onTestFinished } from "vitest";
import * as z from "zod";
import { examine } from "../../../lib/cli/checks.ts";
import { defineJob, defineQueue } from "../../../lib/core/define.ts";
import { PermanentError } from "../../../lib/core/errors.ts";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import { connectDb } from "../../../lib/db/drivers/connect.ts";
import { migrate } from "../../../lib/db/schema/migrate.ts";
import { createApi } from "../../../lib/functions/create-api.ts";
import { createEnqueue } from "../../../lib/functions/create-enqueue.ts";
import { enqueue } from "../../../lib/index.ts";
import type { Deps } from "../../../lib/queue/deps.ts";
import { enqueueJobs } from "../../../lib/queue/enqueue/enqueue-jobs.ts";
import { syncDefinitions } from "../../../lib/queue/manage/sync-definitions.ts";
import type { Work } from "../../../lib/queue/run/run-job.ts";
import { tick } from "../../../lib/queue/schedule/tick.ts";
import { createWorker } from "../../../lib/queue/worker/worker.ts";
import { ALL_SCOPES, CONTEXT, eventOf, send, type TestRequest } from "../http/http.ts";
import { httpDeps } from "../http/http-deps.ts";
import { until } from "../worker/worker.ts";

const walked = defineJob({
  type: "walked",
  queue: "walked",
  payload: z.object({ way: z.string(), at: z.string().optional() }),
  retry: { maxAttempts: 3, backoff: { type: "fixed", seconds: 0, jitter: "none" } },
});
const walks = defineQueue({ name: "walked", maxInFlight: 50, maxPending: 1000 });

const DAY_MS = 86_400_000;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** By their names: what time measures. */
const MEASURED = /_age_seconds$|^p\d\d$|^points$|^series$/;

/** A value without what differs from run to run: ids, instants of these two days, durations, and in which minute something happened. */
const steady = (value: unknown): unknown => {
  if (value instanceof Date) return steady(value.toISOString());
  if (Array.isArray(value)) return value.map(steady).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(
      Object.entries(value).map(([key, each]) => [key, MEASURED.test(key) ? typeof each : steady(each)]),
    );
  if (typeof value !== "string") return value;
  if (UUID.test(value)) return "an id";
  return INSTANT.test(value) && Math.abs(Date.parse(value) - Date.now()) < 2 * DAY_MS ? "an instant of now" : value;
};

/** Enqueues by each way, and says what each answered. */
const enqueueAll = async (deps: Deps, url: string, ask: (request: TestRequest) => Promise<unknown>) => {
  const payload = (way: string) => ({ way });
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  try {
    await client.query("begin");
    const inTransaction = await enqueue(client, walked, payload("package"), { delaySeconds: 0.01 });
    const held = await enqueue(client, walked, payload("held"), {
      delaySeconds: 900,
      uniqueKey: "held",
    });
    await client.query("commit");
    const again = await enqueue(client, walked, payload("held"), { delaySeconds: 900, uniqueKey: "held" });
    await client.query(`select forgeq.enqueue('walked', '{"way": "sql"}')`);
    const [many, ...more] = await enqueueJobs(deps, [
      { type: "walked", payload: payload("dead") },
      { type: "walked", payload: payload("retry"), priority: 1, metadata: { é: "ü" } },
      { type: "walked", payload: payload("later"), runAt: new Date(Date.UTC(2030, 11, 10, 9, 8, 7)) },
      { type: "walked", payload: payload("complete") },
    ]);
    const single = await ask({ path: "/jobs", body: { id: uuidV7(), type: "walked", payload: payload("http") } });
    const batch = await ask({
      path: "/jobs/batch",
      body: { jobs: [1, 2].map((n) => ({ type: "walked", payload: payload("batch"), delay_seconds: n / 100 })) },
      headers: { "idempotency-key": "once" },
    });
    expect(again.id).toBe(held.id);
    return {
      answers: { created: [inTransaction.created, held.created], again: again.created, many, more, single, batch },
      dead: many!.job.id,
      later: more[1]!.job.id,
      held: held.id,
    };
  } finally {
    await client.end();
  }
};

/** Runs everything that is due, in a worker of this process; `complete` completes inside its handler's transaction. */
const runAll = async (deps: Deps, url: string, jobs: number): Promise<unknown> => {
  const work: Work<typeof walked.payload> = async ({ way }, job) => {
    if (way === "dead") throw new PermanentError("for good");
    if (way === "retry" && job.attempt === 1) throw new Error("once");
    if (way !== "complete") return { way, é: "ü" };
    const client = new pg.Client({ connectionString: url });
    client.on("error", () => undefined);
    await client.connect();
    try {
      await client.query("begin isolation level read committed");
      await job.complete(client, { in: "transaction" });
      await client.query("commit");
    } finally {
      await client.end();
    }
  };
  const worker = createWorker(deps, {
    handlers: new Map([["walked", { definition: walked, work: work }]]),
    concurrency: 10,
    queues: null,
    invocation: "test:1",
  });
  try {
    await until(async () => {
      const [row] = await deps.db.query<{ n: string }>("select count(*)::text as n from forgeq.job_history");
      return row!.n === String(jobs);
    });
  } finally {
    await worker.stop(5);
  }
  return [...worker.settled].sort();
};

/**
 * A database's life with ForgeQ from the first migration on: what every command and route answers, without what differs from run to run.
 *
 * @param url - of an empty database, or of one that is migrated already
 */
export const live = async (url: string): Promise<Record<string, unknown>> => {
  const db = await connectDb({ url, statementSeconds: 30 });
  onTestFinished(() => db.close());
  const migrated = await migrate(db);
  const again = await migrate(db);
  await syncDefinitions(db, [walked], [walks], null);
  const deps = httpDeps(db);
  const [api, http] = [
    createApi(deps, ALL_SCOPES, () => Promise.resolve([walked])),
    createEnqueue(deps, ALL_SCOPES, [walked]),
  ];
  const ask = async (request: TestRequest) => {
    const { status, body } = await send(
      request.path.startsWith("/jobs") && request.method === undefined && request.body !== undefined ? http : api,
      request,
    );
    return { status, body };
  };

  const enqueued = await enqueueAll(deps, url, ask);
  const ran = await runAll(deps, url, 8);
  const cancelled = await ask({ method: "POST", path: `/jobs/${enqueued.later}/cancel` });
  const retried = await ask({ method: "POST", path: `/jobs/${enqueued.later}/retry`, body: { life: 1 } });
  const moved = await ask({
    method: "POST",
    path: `/jobs/${enqueued.held}/reschedule`,
    body: { run_at: "2027-02-03T04:05:06Z" },
  });
  const rule = {
    name: "daily",
    cron: "30 9 * * 1-5",
    timezone: "Europe/Berlin",
    type: "walked",
    payload: { way: "schedule" },
  };
  const scheduled = await ask({
    path: "/schedules",
    body: { ...rule, starts_at: "2027-03-01T00:00:00Z", ends_at: "2028-10-12T00:00:00Z" },
  });
  const triggered = await ask({ method: "POST", path: "/schedules/daily/trigger" });
  const { name: _, ...edit } = rule;
  const edited = await ask({ method: "PUT", path: "/schedules/daily", body: { ...edit, paused: true } });
  const ticked = await tick(deps, () => 60_000);

  const yesterday = new Date(Date.now() - DAY_MS).toISOString();
  const reads: Record<string, unknown> = {};
  for (const path of [
    "/jobs",
    `/jobs/${enqueued.dead}`,
    `/jobs/${enqueued.later}/attempts`,
    `/jobs/${enqueued.dead}/lives`,
    "/queues",
    "/queues/walked",
    "/schedules",
    "/schedules/daily",
    "/overview",
    "/types",
    "/leases",
    "/errors",
    "/workers",
    "/health",
  ])
    reads[path.replace(/[0-9a-f-]{36}/, "id")] = await ask({ path });
  const since = `created_after=${encodeURIComponent(yesterday)}`;
  for (const query of [
    "state=completed&include=payload,attempts",
    "state=scheduled",
    `state=pending&${since}`,
    `state=dead&${since}`,
  ])
    reads[query.replace(since, "since")] = await ask({ path: "/jobs", query });
  for (const path of ["/jobs/counts", "/stats"]) reads[path] = await ask({ path });
  const { statusCode, body = "" } = await api(eventOf({ path: "/metrics" }), CONTEXT);
  reads["/metrics"] = [
    statusCode,
    body.split("\n").filter((line) => /^forgeq_queue_jobs|^forgeq_jobs_(completed|dead)/.test(line)),
  ];

  const findings = await examine({ url }, ["walked"], "always");
  return {
    migrated: migrated.applied.length,
    again: again.applied,
    doctor: findings.filter(({ level }) => level !== "ok").map(({ check }) => check),
    life: steady({
      enqueued: enqueued.answers,
      ran,
      cancelled,
      retried,
      moved,
      scheduled,
      triggered,
      edited,
      ticked,
      reads,
    }),
  };
};
