import { resolve } from "node:path";
import { connectDb } from "../db/drivers/connect.ts";
import { migrate } from "../db/schema/migrate.ts";
import { isMigrated } from "../db/schema/schema.ts";
import { syncDefinitions } from "../queue/manage/sync-definitions.ts";
import { configure, connection, isConfigured, rolePrefix } from "../runtime.ts";
import type { LocalPart } from "../local/local-logins.ts";
import type { GlobalOptions } from "./command.ts";
import { projectDefinitions } from "./project.ts";
import { say } from "./terminal.ts";

const MIGRATE_SECONDS = 60;

export interface OpenDatabase {
  /** The embedded one, shared with the other commands of this folder. */
  readonly embedded: boolean;
  /** Starts the embedded one again when it has died; does nothing for any other. */
  readonly revive: () => Promise<void>;
  close(): Promise<void>;
}

export interface Wanted {
  /** What an embedded database gets before it is used: nothing, a schema if it has none, or everything that the project declares. */
  readonly migrate: "no" | "schema" | "definitions";
  /** Whose role it has on an embedded database. The owner's is for what only the owner may do. */
  readonly part: LocalPart | "owner";
  /** The command handles SIGINT and SIGTERM itself, and closes the database then. */
  readonly ownSignals?: boolean;
}

/**
 * Makes the database that the options name this process's own: what --database-url or DATABASE_URL says, else the embedded Postgres of
 * the folder, which the first command starts and the last one stops. Connect with the runtime's `connection()`.
 */
export const openDatabase = async (options: GlobalOptions, wanted: Wanted): Promise<OpenDatabase> => {
  if (options.databaseUrl !== undefined && options.databaseUrl !== "") {
    configure({ DATABASE_URL: options.databaseUrl });
    return { embedded: false, revive: () => Promise.resolve(), close: () => Promise.resolve() };
  }
  if (isConfigured("FORGEQ_DATABASE_URL_PARAMETER"))
    return { embedded: false, revive: () => Promise.resolve(), close: () => Promise.resolve() };

  const { sharePostgres } = await import("../local/shared-postgres.ts");
  const postgres = await sharePostgres(resolve(options.dir), { onNotice: say });
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => (closed ??= postgres.leave());
  try {
    configure({ DATABASE_URL: postgres.url, FORGEQ_DRIVER: "pg" });
    if (wanted.ownSignals !== true) leaveOnSignals(close);
    if (wanted.migrate !== "no") await prepare(wanted.migrate);
    if (wanted.part !== "owner") {
      const { localLogin } = await import("../local/local-logins.ts");
      configure({ DATABASE_URL: await localLogin(await connection(), wanted.part, rolePrefix()) });
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { embedded: true, revive: postgres.revive, close };
};

const prepare = async (what: "schema" | "definitions"): Promise<void> => {
  const db = await connectDb({ ...(await connection()), max: 1, statementSeconds: MIGRATE_SECONDS });
  try {
    if (what === "schema" && (await isMigrated(db))) return;
    const { jobs, queues } = await projectDefinitions();
    await migrate(db, rolePrefix());
    await syncDefinitions(db, jobs, queues);
  } finally {
    await db.close();
  }
};

/** An interrupted command leaves the shared Postgres, too: it may be the last one. */
const leaveOnSignals = (close: () => Promise<void>): void => {
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const) {
    process.once(signal, () => void close().finally(() => process.exit(code)));
  }
};
