/** One run: the processes of one queue doing one task against a fresh copy of its database, and what that cost. */
import { cpuMicrosOf } from "./cpu.ts";
import {
  copyOf,
  type Databases,
  dropDatabase,
  emptyRedis,
  openDatabases,
  statementsOf,
  vacuum,
  walPosition,
} from "./databases.ts";
import { startDelayProxy } from "./delay-proxy.ts";
import { type ClientProcess, gone, spawnClient } from "./processes.ts";
import type { Servers } from "./servers.ts";
import type { Order, Report, Task } from "./task.ts";

export interface Run {
  readonly system: string;
  readonly task: Task;
  readonly processes?: number;
  readonly keepHistory?: boolean;
  readonly rttMs?: number;
}

/** The figures of one run. Costs are per job; null where the queue is not in Postgres. */
export interface Measured {
  readonly jobsPerSecond: number;
  readonly walBytes: number | null;
  readonly statements: number | null;
  readonly serverCpuMicros: number;
  readonly nodeCpuMicros: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

/** What a server has spent so far. `database` is null for Redis, which writes no WAL and counts no statements. */
interface Spent {
  readonly cpuMicros: number;
  readonly walBytes: number;
  readonly statements: number;
}

const spentIn = async (databases: Databases, database: string | null): Promise<Spent> => {
  const { postgres, redis } = databases.servers;
  return {
    cpuMicros: cpuMicrosOf(database === null ? (redis?.pid ?? 0) : postgres.pid),
    walBytes: await walPosition(databases),
    statements: database === null ? 0 : await statementsOf(databases, database),
  };
};

/** Lets the clients go together; what they report, and what the server spent on it. */
const race = async (databases: Databases, database: string | null, clients: readonly ClientProcess[]) => {
  await Promise.all(clients.map(({ ready }) => ready));
  if (database !== null) await vacuum(databases, database);
  const before = await spentIn(databases, database);
  for (const { child } of clients) child.send("go");
  const reports = await Promise.all(clients.map(({ report }) => report));
  const after = await spentIn(databases, database);
  await Promise.all(clients.map(({ child }) => gone(child)));
  return { reports, before, after };
};

/** The figures of a run in which each client did `jobs` jobs. */
const figuresOf = (reports: readonly Report[], jobsOfEach: number, spent: Spent, inPostgres: boolean): Measured => {
  const jobs = jobsOfEach * reports.length;
  const samples = reports.flatMap((report) => report.samples).sort((a, b) => a - b);
  const at = (share: number) => samples[Math.min(samples.length - 1, Math.floor(samples.length * share))] ?? null;
  return {
    jobsPerSecond: jobs / Math.max(...reports.map((report) => report.seconds)),
    walBytes: inPostgres ? spent.walBytes / jobs : null,
    statements: inPostgres ? spent.statements / jobs : null,
    serverCpuMicros: spent.cpuMicros / jobs,
    nodeCpuMicros: reports.reduce((sum, report) => sum + report.cpuMicros, 0) / jobs,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
  };
};

const measureIn = async (
  databases: Databases,
  run: Run,
  directUrl: string,
  database: string | null,
): Promise<Measured> => {
  const proxy = run.rttMs === undefined ? null : await startDelayProxy(Number(new URL(directUrl).port), run.rttMs);
  const url = proxy === null ? directUrl : directUrl.replace(/:\d+\//, `:${proxy.port}/`);
  const { system, task, keepHistory = true, rttMs = 0 } = run;
  const order: Order = { system, url, directUrl, keepHistory, rttMs, task };
  const clients = Array.from({ length: run.processes ?? 1 }, () => spawnClient(order));
  try {
    const { reports, before, after } = await race(databases, database, clients);
    const spent = {
      cpuMicros: after.cpuMicros - before.cpuMicros,
      walBytes: after.walBytes - before.walBytes,
      statements: after.statements - before.statements,
    };
    return figuresOf(reports, "count" in task ? task.count : 0, spent, database !== null);
  } finally {
    for (const { child } of clients) child.kill("SIGKILL");
    await proxy?.close();
  }
};

const measure = async (databases: Databases, run: Run): Promise<Measured> => {
  if (run.system === "bullmq") return measureIn(databases, run, await emptyRedis(databases), null);
  const database = await copyOf(databases, run.system, "run");
  try {
    return await measureIn(databases, run, databases.servers.postgres.url(database), database);
  } finally {
    await dropDatabase(databases, database);
  }
};

export interface Bench {
  /** Does one run. */
  measure(run: Run): Promise<Measured>;
  /** The URL of a fresh database of a system, for a study; it goes with the server. */
  database(system: string): Promise<string>;
  close(): Promise<void>;
}

export const createBench = (servers: Servers): Bench => {
  const databases = openDatabases(servers);
  return {
    measure: (run) => measure(databases, run),
    // Each study opens a bench of its own on the same server.
    database: async (system) =>
      servers.postgres.url(await copyOf(databases, system, `study_${process.hrtime.bigint()}`)),
    close: () => databases.admin.end(),
  };
};
