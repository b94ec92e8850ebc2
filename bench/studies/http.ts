import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { join } from "node:path";
import pg from "pg";
import type * as Queues from "../../functions/queues.ts";
import type * as Registry from "../../functions/registry.ts";
import type * as Connect from "../../lib/db/drivers/connect.ts";
import type * as Sync from "../../lib/queue/manage/sync-definitions.ts";
import { cpuMicrosOf } from "../cpu.ts";
import type * as Measure from "../measure.ts";
import type { Servers } from "../servers.ts";
import type { Study } from "../study.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const KEY = "the-key-of-the-benchmark";
const CONNECTIONS = [1, 10, 50, 100];
const SECONDS = 8;
/** As every benchmark warms up: what is measured is the steady state. */
const WARM_SECONDS = 5;
const WARM_CONNECTIONS = 10;

const HEADERS = { authorization: `Bearer ${KEY}`, "content-type": "application/json" };
const BODY = JSON.stringify({
  type: "send_email",
  payload: { email: "user123@example.com", subject: "Welcome", body: "Hello, and welcome" },
});

/** What it takes of a checkout. */
const partsOf = async (root: string) => {
  const load = <Module>(path: string): Promise<Module> => import(join(root, path)) as Promise<Module>;
  const { createBench } = await load<typeof Measure>("bench/measure.ts");
  const { connectDb } = await load<typeof Connect>("lib/db/drivers/connect.ts");
  const { syncDefinitions } = await load<typeof Sync>("lib/queue/manage/sync-definitions.ts");
  const { jobs } = await load<typeof Registry>("functions/registry.ts");
  const { queues } = await load<typeof Queues>("functions/queues.ts");
  const declare = async (url: string): Promise<void> => {
    const db = await connectDb({ url, max: 1 });
    await syncDefinitions(db, jobs, queues);
    await db.close();
  };
  return { createBench, declare };
};

/** `forgeq server` of a checkout in a process of its own, until it is stopped. */
const startServer = async (root: string, databaseUrl: string) => {
  const args = [join(root, "lib", "cli", "forgeq.ts"), "server", "--port", "0", "--no-scheduler", "--json"];
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { PATH: process.env["PATH"] ?? "", DATABASE_URL: databaseUrl, FORGEQ_API_KEY: KEY, FORGEQ_LOG_LEVEL: "error" },
    stdio: ["ignore", "pipe", "ignore"],
  });
  const ended = once(child, "exit");
  const [line] = (await Promise.race([
    once(createInterface({ input: child.stdout }), "line"),
    ended.then(() => Promise.reject(new Error("forgeq server ended"))),
  ])) as [string];
  return {
    pid: child.pid ?? 0,
    url: (JSON.parse(line) as { url: string }).url,
    stop: async () => {
      child.kill("SIGTERM");
      await ended;
    },
  };
};

/** What storing jobs has cost so far, by the server's own counts. */
const costs = async (servers: Servers, admin: pg.Client, pid: number) => {
  const { rows } = await admin.query<{ wal: string; calls: string; jobs: string }>(
    `select pg_current_wal_insert_lsn() - '0/0'::pg_lsn as wal, (select count(*) from forgeq.job) as jobs,
            (select coalesce(sum(calls), 0) from pg_stat_statements
             where dbid = (select oid from pg_database where datname = current_database()) and query ~ 'forgeq\\.enqueue_') as calls`,
  );
  const [row] = rows;
  return {
    wal: Number(row?.wal),
    calls: Number(row?.calls),
    jobs: Number(row?.jobs),
    nodeMicros: cpuMicrosOf(pid),
    postgresMicros: cpuMicrosOf(servers.postgres.pid),
  };
};

/**
 * `POST /jobs` through a real `forgeq server`: authentication, both schemas, one durable job for each request.
 *
 * @param root - the checkout whose code is measured, and whose servers run
 */
export const httpOf = async (root: string, servers: Servers, say: (text: string) => void) => {
  const { createBench, declare } = await partsOf(root);
  const { default: autocannon } = await import("autocannon");
  const bench = createBench(servers);
  const databaseUrl = await bench.database("forgeq");
  await declare(databaseUrl);
  const admin = new pg.Client({ connectionString: databaseUrl });
  await admin.connect();
  const server = await startServer(root, databaseUrl);
  const send = (connections: number, duration: number) =>
    autocannon({
      url: `${server.url}/jobs`,
      method: "POST",
      headers: HEADERS,
      body: BODY,
      connections,
      duration,
    });
  try {
    const first = await fetch(`${server.url}/jobs`, { method: "POST", headers: HEADERS, body: BODY });
    if (first.status !== 201) throw new Error(`POST /jobs: ${first.status} ${await first.text()}`);
    await send(WARM_CONNECTIONS, WARM_SECONDS);
    const found = [];
    for (const connections of CONNECTIONS) {
      const before = await costs(servers, admin, server.pid);
      const { latency, requests, non2xx, errors } = await send(connections, SECONDS);
      const after = await costs(servers, admin, server.pid);
      const jobs = after.jobs - before.jobs;
      if (after.calls === before.calls) throw new Error("no statement that stores jobs was counted");
      if (non2xx + errors > 0 || jobs < requests.total)
        throw new Error(`${requests.total} requests stored ${jobs} jobs; ${non2xx} refused, ${errors} failed`);
      const each = (key: keyof typeof after, places: number) =>
        Number(((after[key] - before[key]) / jobs).toFixed(places));
      found.push({
        connections,
        jobsPerSecond: Math.round(requests.average),
        p50Ms: latency.p50,
        p99Ms: latency.p99,
        statementsPerJob: each("calls", 4),
        walBytesPerJob: each("wal", 0),
        nodeMicrosPerJob: each("nodeMicros", 0),
        postgresMicrosPerJob: each("postgresMicros", 0),
      });
      say(JSON.stringify(found.at(-1)));
    }
    return { found };
  } finally {
    await server.stop();
    await admin.end();
    await bench.close();
  }
};

export const http: Study = (servers, say) => httpOf(ROOT, servers, say);
