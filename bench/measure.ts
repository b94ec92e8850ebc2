/** One run: the processes of one queue doing one task against a fresh copy of its database, and what that cost. */
import { type ChildProcess, fork } from "node:child_process";
import pg from "pg";
import { cpuMicrosOf } from "./cpu.ts";
import { startDelayProxy } from "./delay-proxy.ts";
import type { Servers } from "./servers.ts";
import type { FromClient, Order, Report, Task } from "./task.ts";

export interface Run {
  readonly system: string;
  readonly task: Task;
  readonly processes?: number;
  readonly keepHistory?: boolean;
  readonly rttMs?: number;
}

/** Of one run. Costs are per job; null where the queue is not in Postgres. */
export interface Measured {
  readonly jobsPerSecond: number;
  readonly walBytes: number | null;
  readonly statements: number | null;
  readonly serverCpuMicros: number;
  readonly nodeCpuMicros: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

const CLIENT = new URL("client.ts", import.meta.url).pathname;

const spawnClient = (order: Order): { child: ChildProcess; ready: Promise<void>; report: Promise<Report> } => {
  const child = fork(CLIENT, { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  const ready = Promise.withResolvers<void>();
  const report = Promise.withResolvers<Report>();
  for (const each of [ready, report]) each.promise.catch(() => undefined);
  const fail = (error: Error) => {
    ready.reject(error);
    report.reject(error);
  };
  child.on("message", (message: FromClient) => {
    if ("ready" in message) ready.resolve();
    else if ("report" in message) report.resolve(message.report);
    else fail(new Error(`${order.system}: ${message.error}`));
  });
  // Of its channel, when it is gone while something is said to it.
  child.on("error", fail);
  child.once("exit", (code) => fail(new Error(`${order.system}: its process ended (${code})`)));
  child.send(order);
  return { child, ready: ready.promise, report: report.promise };
};

const gone = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    const timer = setTimeout(() => child.kill("SIGKILL"), 5_000);
    child.once("exit", () => {
      clearTimeout(timer);
      resolve();
    });
  });

export const createBench = (servers: Servers) => {
  // A pool, because it connects again where a connection broke: a run that fails must not end the others.
  const admin = new pg.Pool({ connectionString: servers.postgres.url(), max: 1 });
  admin.on("error", () => undefined);
  const prepared = new Set<string>();
  let made = 0;

  const connect = async (url: string): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: url });
    // A connection that breaks fails what is asked next, not the whole process.
    client.on("error", () => undefined);
    await client.connect();
    return client;
  };

  const prepare = async (system: string): Promise<void> => {
    if (prepared.has(system)) return;
    await admin.query(`drop database if exists "template_${system}" with (force)`);
    await admin.query(`create database "template_${system}"`);
    const url = servers.postgres.url(`template_${system}`);
    const extension = await connect(url);
    await extension.query("create extension pg_stat_statements");
    await extension.end();
    const { child, report } = spawnClient({
      system,
      url,
      directUrl: url,
      keepHistory: true,
      rttMs: 0,
      task: { kind: "prepare" },
    });
    await report;
    await gone(child);
    prepared.add(system);
  };

  const walPosition = async (): Promise<number> => {
    const { rows } = await admin.query<{ at: string }>("select pg_current_wal_insert_lsn() - '0/0'::pg_lsn as at");
    return Number(rows[0]?.at);
  };
  const statementsOf = async (database: string): Promise<number> => {
    const stats = await connect(servers.postgres.url(database));
    const { rows } = await stats.query<{ calls: string }>(
      `select coalesce(sum(calls), 0) as calls from pg_stat_statements
       where dbid = (select oid from pg_database where datname = current_database()) and query not like '%pg_stat_statements%'`,
    );
    await stats.end();
    return Number(rows[0]?.calls);
  };

  /** What autovacuum does once a minute. Left to it, a queue is planned for now with the figures of an empty table, now with those of a full one. */
  const vacuum = async (database: string): Promise<void> => {
    const client = await connect(servers.postgres.url(database));
    await client.query("vacuum analyze");
    await client.end();
  };

  const inDatabase = async <Result>(
    run: Run,
    work: (url: string, database: string | null) => Promise<Result>,
  ): Promise<Result> => {
    if (run.system === "bullmq") {
      if (servers.redis === null) throw new Error("there is no Redis");
      const url = `redis://127.0.0.1:${servers.redis.port}/0`;
      // Not installed with the product: the types must hold without it.
      const name: string = "ioredis";
      const { Redis } = (await import(name)) as {
        Redis: new (url: string) => { flushall(): Promise<unknown>; disconnect(): void };
      };
      const redis = new Redis(url);
      await redis.flushall();
      redis.disconnect();
      return work(url, null);
    }
    await prepare(run.system);
    const database = `run_${(made += 1)}`;
    await admin.query(`create database ${database} template "template_${run.system}"`);
    // Here and never again in a run, so that no page image of a checkpoint falls into what is measured.
    await admin.query("checkpoint");
    try {
      return await work(servers.postgres.url(database), database);
    } finally {
      await admin.query(`drop database ${database} with (force)`);
    }
  };

  const measure = (run: Run): Promise<Measured> =>
    inDatabase(run, async (directUrl, database) => {
      const proxy = run.rttMs === undefined ? null : await startDelayProxy(Number(new URL(directUrl).port), run.rttMs);
      const url = proxy === null ? directUrl : directUrl.replace(/:\d+\//, `:${proxy.port}/`);
      const { system, task, keepHistory = true, rttMs = 0 } = run;
      const order: Order = { system, url, directUrl, keepHistory, rttMs, task };
      const clients = Array.from({ length: run.processes ?? 1 }, () => spawnClient(order));
      const serverPid = database === null ? (servers.redis?.pid ?? 0) : servers.postgres.pid;
      try {
        await Promise.all(clients.map(({ ready }) => ready));
        if (database !== null) await vacuum(database);
        const before = {
          cpu: cpuMicrosOf(serverPid),
          wal: await walPosition(),
          calls: database === null ? 0 : await statementsOf(database),
        };
        for (const { child } of clients) child.send("go");
        const reports = await Promise.all(clients.map(({ report }) => report));
        const cpu = cpuMicrosOf(serverPid) - before.cpu;
        const wal = (await walPosition()) - before.wal;
        const calls = database === null ? 0 : (await statementsOf(database)) - before.calls;
        await Promise.all(clients.map(({ child }) => gone(child)));
        const jobs = ("count" in run.task ? run.task.count : 0) * clients.length;
        const samples = reports.flatMap((report) => report.samples).sort((a, b) => a - b);
        const at = (share: number) => samples[Math.min(samples.length - 1, Math.floor(samples.length * share))] ?? null;
        return {
          jobsPerSecond: jobs / Math.max(...reports.map((report) => report.seconds)),
          walBytes: database === null ? null : wal / jobs,
          statements: database === null ? null : calls / jobs,
          serverCpuMicros: cpu / jobs,
          nodeCpuMicros: reports.reduce((sum, report) => sum + report.cpuMicros, 0) / jobs,
          p50Ms: at(0.5),
          p99Ms: at(0.99),
        };
      } finally {
        for (const { child } of clients) child.kill("SIGKILL");
        await proxy?.close();
      }
    });

  /** A fresh database of a system, for a study; it goes with the server. */
  const database = async (system: string): Promise<string> => {
    await prepare(system);
    const name = `study_${process.hrtime.bigint()}_${(made += 1)}`;
    await admin.query(`create database ${name} template "template_${system}"`);
    await admin.query("checkpoint");
    return servers.postgres.url(name);
  };

  return { measure, database, close: () => admin.end() };
};

export type Bench = ReturnType<typeof createBench>;
