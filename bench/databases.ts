/** The databases of the runs: a template for each system, and a fresh copy of it for each run. */
import pg from "pg";
import { gone, spawnClient } from "./processes.ts";
import type { Servers } from "./servers.ts";

export interface Databases {
  readonly servers: Servers;
  /** For statements that belong to no run. A pool, because it connects again where a connection broke: a run that fails must not end the others. */
  readonly admin: pg.Pool;
  /** The systems that have a template; `prepare` adds them. */
  readonly prepared: Set<string>;
  /** How many copies were made, for their names; `copyOf` counts them. */
  made: number;
}

export const openDatabases = (servers: Servers): Databases => {
  const admin = new pg.Pool({ connectionString: servers.postgres.url(), max: 1 });
  admin.on("error", () => undefined);
  return { servers, admin, prepared: new Set(), made: 0 };
};

/** Runs `work` on a connection of its own. */
const withClient = async <Result>(url: string, work: (client: pg.Client) => Promise<Result>): Promise<Result> => {
  const client = new pg.Client({ connectionString: url });
  // A connection that breaks fails what is asked next, not the whole process.
  client.on("error", () => undefined);
  await client.connect();
  const result = await work(client);
  await client.end();
  return result;
};

/** Makes the template of a system, once. */
const prepare = async ({ admin, prepared, servers }: Databases, system: string): Promise<void> => {
  if (prepared.has(system)) return;
  await admin.query(`drop database if exists "template_${system}" with (force)`);
  await admin.query(`create database "template_${system}"`);
  const url = servers.postgres.url(`template_${system}`);
  await withClient(url, (client) => client.query("create extension pg_stat_statements"));
  const task = { kind: "prepare" } as const;
  const { child, report } = spawnClient({ system, url, directUrl: url, keepHistory: true, rttMs: 0, task });
  await report;
  await gone(child);
  prepared.add(system);
};

/** Makes a fresh database of a system and gives its name. */
export const copyOf = async (databases: Databases, system: string, prefix: string): Promise<string> => {
  await prepare(databases, system);
  const name = `${prefix}_${(databases.made += 1)}`;
  await databases.admin.query(`create database ${name} template "template_${system}"`);
  // The run itself has no checkpoint, so that no page image of one falls into what is measured.
  await databases.admin.query("checkpoint");
  return name;
};

export const dropDatabase = async ({ admin }: Databases, name: string): Promise<void> => {
  await admin.query(`drop database ${name} with (force)`);
};

/** Bytes of WAL that the server has written so far. */
export const walPosition = async ({ admin }: Databases): Promise<number> => {
  const { rows } = await admin.query<{ at: string }>("select pg_current_wal_insert_lsn() - '0/0'::pg_lsn as at");
  return Number(rows[0]?.at);
};

const STATEMENTS = `select coalesce(sum(calls), 0) as calls from pg_stat_statements
where dbid = (select oid from pg_database where datname = current_database()) and query not like '%pg_stat_statements%'`;

/** Statements that a database has run so far. */
export const statementsOf = ({ servers }: Databases, name: string): Promise<number> =>
  withClient(servers.postgres.url(name), async (client) => {
    const { rows } = await client.query<{ calls: string }>(STATEMENTS);
    return Number(rows[0]?.calls);
  });

/**
 * What autovacuum does once a minute. Left to it, a queue is planned for now with the figures of an empty table, now with
 * those of a full one.
 */
export const vacuum = ({ servers }: Databases, name: string): Promise<unknown> =>
  withClient(servers.postgres.url(name), (client) => client.query("vacuum analyze"));

/** Empties the Redis of BullMQ, and gives its URL. */
export const emptyRedis = async ({ servers }: Databases): Promise<string> => {
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
  return url;
};
