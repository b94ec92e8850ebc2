import { type ConnectOptions, connectDb, type DriverChoice } from "../db/drivers/connect.ts";
import { parseDatabaseUrl } from "../db/drivers/database-url.ts";
import { forgetDispatchers } from "../db/protocol/wake.ts";
import { migrate } from "../db/schema/migrate.ts";
import { syncDefinitions } from "../queue/manage/sync-definitions.ts";
import { localLogins } from "./local-logins.ts";
import { type LocalNeon, startNeon } from "./neon.ts";
import type { Definitions } from "../project/project.ts";
import { sharePostgres } from "./shared-postgres.ts";
import type { Stops } from "./stops.ts";
import type { Variables } from "./variables.ts";

const MIGRATE_SECONDS = 60;

/** Neon's endpoints in front of a Postgres that has none, with FORGEQ_DRIVER=neon; null where it has some, or the driver is another one. */
const neonFor = async (databaseUrl: string, env: Variables): Promise<LocalNeon | null> => {
  const { hostname, port } = parseDatabaseUrl(databaseUrl);
  if (env["FORGEQ_DRIVER"] !== "neon" || env["FORGEQ_NEON_FETCH_ENDPOINT"] || hostname.endsWith(".neon.tech"))
    return null;
  return startNeon({ host: hostname, port: Number(port || 5432) });
};

/**
 * The database of a local run: the one of DATABASE_URL, or the embedded Postgres of the folder.
 *
 * @param onFatal - called when the embedded Postgres ends while it is used
 */
export const openLocalDatabase = async (
  folder: string,
  env: Variables,
  stops: Stops,
  on: { readonly onNotice: (notice: string) => void; readonly onFatal: (message: string) => void },
): Promise<ConnectOptions> => {
  let url = env["DATABASE_URL"];
  if (url === undefined || url === "") {
    const postgres = await sharePostgres(folder, { onNotice: on.onNotice, onExit: on.onFatal });
    stops.add(() => postgres.leave());
    url = postgres.url;
  }
  const neon = await neonFor(url, env);
  if (neon !== null) stops.add(() => neon.close());
  const fetchEndpoint = neon?.fetchEndpoint ?? env["FORGEQ_NEON_FETCH_ENDPOINT"];
  const wsProxy = neon?.wsProxy ?? env["FORGEQ_NEON_WS_PROXY"];
  return {
    url,
    driver: (env["FORGEQ_DRIVER"] || "auto") as DriverChoice,
    ...(fetchEndpoint && { fetchEndpoint }),
    ...(wsProxy && { wsProxy }),
  };
};

/** How each part of a local run reaches the database: as a role of its own where the run made it, otherwise by its own variable, or as DATABASE_URL says. */
export interface LocalConnections {
  readonly enqueue: ConnectOptions;
  readonly api: ConnectOptions;
  readonly worker: ConnectOptions;
}

const rolePrefixOf = (env: Variables): { readonly rolePrefix?: string } => {
  const rolePrefix = env["FORGEQ_ROLE_PREFIX"];
  return rolePrefix ? { rolePrefix } : {};
};

export const connectionsOf = async (database: ConnectOptions, env: Variables): Promise<LocalConnections> => {
  const made = env["DATABASE_URL"] ? null : await localLogins(database, rolePrefixOf(env));
  const given = {
    enqueue: env["FORGEQ_DATABASE_URL_ENQUEUE"],
    api: env["FORGEQ_DATABASE_URL_API"],
    worker: env["FORGEQ_DATABASE_URL_WORKER"],
  };
  const as = (part: keyof typeof given): ConnectOptions => ({
    ...database,
    url: made?.[part] ?? (given[part] || database.url),
  });
  // An eager invoke takes jobs, as a worker does.
  return { enqueue: as(env["FORGEQ_EAGER"] === "true" ? "worker" : "enqueue"), api: as("api"), worker: as("worker") };
};

/** Brings the schema and the definitions up to date. */
export const prepareDatabase = async (
  options: ConnectOptions,
  { jobs, queues }: Definitions,
  env: Variables,
): Promise<void> => {
  const db = await connectDb({ ...options, statementSeconds: MIGRATE_SECONDS });
  try {
    await migrate(db, rolePrefixOf(env));
    await syncDefinitions(db, jobs, queues);
    // The dispatchers of the last run were killed with it: their marks would swallow the first wakes of this one.
    await forgetDispatchers(db);
  } finally {
    await db.close();
  }
};
