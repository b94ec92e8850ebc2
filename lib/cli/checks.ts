import { connectDb, type ConnectOptions } from "../db/drivers/connect.ts";
import { foreignTypes } from "../db/schema/owners.ts";
import { blockedTypes, unservedTypes } from "../db/reads/waiting-types.ts";
import {
  countExpiredLeases,
  lastTickAheadSeconds,
  readConnectionLimit,
  readEndlessRoles,
  readForeignSchedules,
  readLiveTypes,
  readServerFacts,
} from "../db/reads/doctor.ts";
import { migrate } from "../db/schema/migrate.ts";
import { busiestQueues, readQueueStats } from "../db/reads/stats.ts";
import { MAX_OBSERVED_QUEUES } from "../queue/observe/queue-stats.ts";
import type { Config } from "../queue/deps.ts";
import { parseDatabaseUrl } from "../db/drivers/database-url.ts";
import { sqlState } from "../db/drivers/failure.ts";
import { failureOf } from "./failure.ts";
import { type Check, type Finding, fine, STALE_SECONDS } from "./check.ts";
import { checkRole, type RoleCheckOptions } from "./role-check.ts";
import { settings } from "./setting-checks.ts";
import { cleanUp, schedules } from "./tick-checks.ts";

export type { Finding } from "./check.ts";

type WakeMode = Config["wakeMode"];

const OLDEST_SERVER = 150_000;
const CLOCK_SECONDS = 5;
/** A second more than a client waits. */
const STATEMENT_TIMEOUT = "6s";
const POOLER_PORTS = ["6432", "6543"];

const serverVersion: Check = async (db) => {
  const { version, versionNumber } = await readServerFacts(db);
  return versionNumber >= OLDEST_SERVER
    ? fine(`PostgreSQL ${version}`)
    : { level: "problem", found: `PostgreSQL ${version}`, cure: "use PostgreSQL 15 or newer" };
};

const durability: Check = async (db) => {
  const facts = await readServerFacts(db);
  const off = [
    facts.fsync === "off" && "fsync",
    facts.fullPageWrites === "off" && "full_page_writes",
    facts.synchronousCommit === "off" && "synchronous_commit",
  ].filter((name) => name !== false);
  if (off.length === 0)
    return fine(`fsync, full_page_writes and synchronous_commit are on (${facts.synchronousCommit})`);
  return {
    level: "problem",
    found: `${off.join(", ")} off: a crash of the server loses jobs whose enqueue was acknowledged`,
    cure: off.map((name) => `alter system set ${name} = on`).join("; ") + "; select pg_reload_conf()",
  };
};

const schema: Check = async (db) => {
  const { applied, newer } = await migrate(db, { dryRun: true });
  if (newer !== undefined)
    return {
      level: "problem",
      found: `the database was made by newer code (${newer}) than this`,
      cure: "use the ForgeQ that migrated it",
    };
  if (applied.length === 0) return fine("the schema is this version's");
  return {
    level: "problem",
    found: `${applied.length} files of this version are not applied: ${applied.slice(0, 3).join(", ")}${applied.length > 3 ? ", ..." : ""}`,
    cure: "forgeq migrate",
  };
};

const clock: Check = async (db) => {
  const before = Date.now();
  const { now } = await readServerFacts(db);
  const seconds = Math.abs(now.getTime() - (before + Date.now()) / 2) / 1000;
  const found = `${seconds.toFixed(1)} s between the database's clock and this machine's`;
  if (seconds <= CLOCK_SECONDS) return fine(found);
  return {
    level: "problem",
    found,
    cure: "synchronise this machine's clock (NTP); the database's decides when jobs run",
  };
};

const clockBack: Check = async (db) => {
  const seconds = await lastTickAheadSeconds(db);
  if (seconds <= CLOCK_SECONDS) return fine("the database's clock has not gone back since the last tick");
  return {
    level: "problem",
    found: `the database's clock is ${Math.round(seconds)} s behind the last tick: jobs that were due wait until the next one`,
    cure: "run a tick (forgeq server), and synchronise the database's clock; see docs/runbook/clock-went-back.md",
  };
};

const dispatch: Check = async (db) => {
  const { names } = await busiestQueues(db, MAX_OBSERVED_QUEUES);
  const stuck = (await readQueueStats(db, names, null)).filter(
    ({ paused, inFlight, oldestPendingSeconds }) =>
      !paused && inFlight === 0 && (oldestPendingSeconds ?? 0) > STALE_SECONDS,
  );
  if (stuck.length === 0) return fine("no queue waits for somebody to take its jobs");
  return {
    level: "problem",
    found: `nobody takes the jobs of ${stuck.map(({ name }) => name).join(", ")}`,
    cure: "start a worker (forgeq worker), or read the dispatcher's log and check its schedule",
  };
};

const scheduler: Check = async (db) => {
  const { leases, seconds } = await countExpiredLeases(db);
  if (leases === 0 || seconds <= STALE_SECONDS) return fine("expired leases are taken back");
  return {
    level: "problem",
    found: `${leases} leases expired up to ${Math.round(seconds)} s ago, and nobody takes them back`,
    cure: "start a worker (forgeq worker), or read the scheduler's log and check its schedule",
  };
};

const types =
  (handled: readonly string[]): Check =>
  async (db) => {
    const blocked = await blockedTypes(db, null);
    if (blocked.length > 0)
      return {
        level: "problem",
        found: `handlers don't begin, and their jobs wait: ${blocked.map(({ type, seconds, reason }) => `${type} for ${Math.round(seconds)} s (${reason})`).join(", ")}`,
        cure: "mend and deploy the function of each type; ForgeQ tries again each minute, see docs/runbook/type-blocked.md",
      };
    const orphans = (await readLiveTypes(db)).filter((type) => handled.length > 0 && !handled.includes(type));
    if (orphans.length > 0)
      return {
        level: "warning",
        found: `jobs of ${orphans.join(", ")} wait, and this project has no handler for them`,
        cure: "run them where their handler is, or cancel them (forgeq jobs cancel)",
      };
    const schedules = handled.length === 0 ? [] : await readForeignSchedules(db, handled);
    if (schedules.length > 0)
      return {
        level: "warning",
        found: `schedules go on storing jobs that this project has no handler for: ${schedules.map(({ name, type }) => `${name} (${type})`).join(", ")}`,
        cure: "delete each (forgeq schedules delete), or run its type where its handler is",
      };
    return fine("every type with jobs or schedules can be run");
  };

/** Due jobs that nobody takes, and types of this project that another SERVICE-STAGE serves. */
const owners =
  (handled: readonly string[], owner: string): Check =>
  async (db) => {
    const foreign = await foreignTypes(db, handled, owner);
    const unserved = await unservedTypes(db, null);
    if (unserved.length > 0)
      return {
        level: "problem",
        found: `nobody takes the due jobs of ${unserved.map(({ queue, type, seconds }) => `${type} in ${queue} (${Math.round(seconds)} s)`).join(", ")}`,
        cure: "start a worker with a handler of the type, or deploy the service that it belongs to; see docs/runbook/type-unserved.md",
      };
    const [first] = foreign;
    if (first !== undefined)
      return {
        level: "warning",
        found: `${foreign.map(({ type }) => type).join(", ")} belong to ${first.owner}: dispatcher and tick of ${owner === "" ? "a process without FORGEQ_STAGE" : owner} leave them alone`,
        cure: `set FORGEQ_SERVICE and FORGEQ_STAGE, or, in a copy of its database, forgeq migrate --adopt-from ${first.owner}`,
      };
    return fine("types that are due are taken");
  };

/** Does this address look like a transaction pooler's? */
const isPooler = ({ hostname, port }: URL): boolean =>
  hostname.includes("-pooler") || hostname.includes("pooler.") || POOLER_PORTS.includes(port);

/** @param needed - what the functions hold at most, as `serverless package` says */
const connections =
  (url: string, needed: number | undefined): Check =>
  async (db) => {
    const limit = await readConnectionLimit(db);
    if (needed === undefined || db.driver === "neon" || isPooler(parseDatabaseUrl(url)))
      return fine(`this role can have ${limit} connections to Postgres`);
    const found = `the functions hold ${needed} connections at most, and Postgres has ${limit} for this role`;
    return needed <= limit
      ? fine(found)
      : { level: "problem", found, cure: "lower handlerConcurrency, raise max_connections, or use a pooler's URL" };
  };

const pooled = ({ url, driver }: ConnectOptions): Finding => {
  const parsed = parseDatabaseUrl(url);
  const check = "direct connection";
  if (driver === "neon" || parsed.hostname.endsWith(".neon.tech"))
    return {
      check,
      level: "warning",
      found: "Neon over HTTP: workers are not woken, they poll every few seconds",
      cure: "for a worker give Neon's direct URL, and FORGEQ_DRIVER=pg",
    };
  if (isPooler(parsed))
    return {
      check,
      level: "warning",
      found: "a transaction pooler: workers are not woken, they poll every few seconds",
      cure: "give workers the direct URL of the database",
    };
  return { check, level: "ok", found: "workers are woken by LISTEN" };
};

/** A statement over HTTP can't be cancelled: past its deadline the client only stops waiting, and the server must end it itself. */
const deadlines: Check = async (db) => {
  if (db.driver === "pg") return fine("a statement past its deadline is cancelled");
  const roles = await readEndlessRoles(db, STATEMENT_TIMEOUT);
  if (roles.length === 0) return fine("statements have a statement_timeout");
  return {
    level: "warning",
    found: `statements of ${roles.map(({ role }) => role).join(", ")} over Neon's HTTP run on in the server when nobody waits for them any more`,
    cure: roles.map(({ cure }) => cure).join("; "),
  };
};

/** In the mode armed nothing polls the database. */
const wakes = (wakeMode: WakeMode): Finding => {
  const check = "wakes";
  if (wakeMode === "always") return { check, level: "ok", found: "the mode always: a tick comes every minute" };
  return {
    check,
    level: "warning",
    found: "the mode armed: a job that plain SQL enqueues starts when something else wakes ForgeQ",
    cure: 'enqueue with the client, or deploy with a backstop (--param "backstop=rate(6 hours)") or --param wake=always',
  };
};

/** Makes every check; one that can't be made is a problem itself, and without a connection the rest is left out. */
export const examine = async (
  connection: ConnectOptions,
  handled: readonly string[],
  wakeMode: WakeMode,
  { connections: needed, ...role }: RoleCheckOptions & { readonly connections?: number } = {},
  owner = "",
): Promise<Finding[]> => {
  const db = await connectDb({ ...connection, max: 1 });
  const run = async (check: string, examine: Check, cure: string): Promise<Finding> => {
    try {
      return { check, ...(await examine(db)) };
    } catch (error) {
      // A part's role need not read what others do.
      if (sqlState(error) === "42501")
        return {
          check,
          level: "warning",
          found: "this role may not read it",
          cure: "run forgeq doctor as a role that may read, such as a member of forgeq_read",
        };
      return { check, level: "problem", found: failureOf(error), cure };
    }
  };
  try {
    const connected = await run(
      "connection",
      async () => fine(`answers, PostgreSQL ${(await readServerFacts(db)).version}`),
      "check DATABASE_URL: host, port, password, TLS, and that the server runs",
    );
    if (connected.level !== "ok") return [connected];
    const migrated = await run("schema", schema, "forgeq migrate");
    const findings = [
      connected,
      await run("server version", serverVersion, ""),
      await run("durability", durability, "let this role read the server's settings"),
      await run("settings", settings, ""),
      migrated,
      pooled(connection),
      await run("connections", connections(connection.url, needed), ""),
      wakes(wakeMode),
      await run("clock", clock, ""),
    ];
    // Without a schema there is nothing to check.
    if (migrated.level !== "ok") return findings;
    return [
      ...findings,
      await run("role", checkRole(role), "forgeq migrate"),
      await run("deadlines", deadlines, "forgeq migrate"),
      await run("dispatch", dispatch, "forgeq migrate"),
      await run("scheduler", scheduler, "forgeq migrate"),
      await run("schedules", schedules, "forgeq migrate"),
      await run("clean-up", cleanUp, "forgeq migrate"),
      await run("clock went back", clockBack, "forgeq migrate"),
      await run("types", types(handled), "forgeq migrate"),
      await run("owners", owners(handled, owner), "forgeq migrate"),
    ];
  } finally {
    await db.close();
  }
};
