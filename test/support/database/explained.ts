/** A Postgres that logs what each statement reads, and a reader of that log. */
import { chmodSync, chownSync, closeSync, openSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { connectDb } from "../../../lib/db/drivers/connect.ts";
import { migrate } from "../../../lib/db/schema/migrate.ts";
import { credentials } from "../../../lib/local/postgres-binaries.ts";
import { startPostgres } from "../../../lib/local/postgres.ts";
import { temporaryFolder } from "../cli/start-local.ts";

interface Plan {
  readonly "Query Text": string;
  readonly Plan: { readonly "Shared Hit Blocks": number; readonly "Shared Read Blocks": number };
}

const SETTINGS = {
  ...{ autovacuum: "off", shared_preload_libraries: "auto_explain", log_line_prefix: "", jit: "off" },
  ...{ wal_level: "minimal", max_wal_senders: "0", max_wal_size: "4GB", checkpoint_timeout: "1h" },
  ...{ shared_buffers: "512MB", maintenance_work_mem: "256MB" },
  "auto_explain.log_min_duration": "0",
  "auto_explain.log_analyze": "on",
  "auto_explain.log_buffers": "on",
  "auto_explain.log_timing": "off",
  "auto_explain.log_format": "json",
};

/** The plans of a piece of the log: each is JSON behind the line that says how long it took, and its lines are indented by a tab. */
const plansOf = (log: string): Plan[] =>
  log.split(/^LOG: {2}duration: .* plan:\n/m).flatMap((text) => {
    const json = /^\t\{[^]*?^\t\}$/m.exec(text)?.[0];
    return json === undefined ? [] : [JSON.parse(json.replaceAll(/^\t/gm, "")) as Plan];
  });

/** The rest of a file, which may be large. */
const readFrom = (file: string, position: number): string => {
  const bytes = Buffer.alloc(statSync(file).size - position);
  const descriptor = openSync(file, "r");
  readSync(descriptor, bytes, { position });
  closeSync(descriptor);
  return bytes.toString();
};

export interface Explained {
  readonly db: Db;
  readonly url: string;
}

export interface ExplainedServer {
  /** A database with ForgeQ's schema; or a copy of another one, to which nobody may be connected. */
  readonly create: (name: string, copyOf?: string) => Promise<Explained>;
  readonly urlOf: (name: string) => string;
  /** Pages that each statement read during a call, by the names that ForgeQ gives its statements; one that is sent again has a name of its own. */
  readonly pagesOf: (call: () => Promise<unknown>) => Promise<ReadonlyMap<string, number>>;
  readonly stop: () => Promise<void>;
}

/** Vacuum never comes by, unless it is called. */
export const startExplained = async (): Promise<ExplainedServer> => {
  const { path, remove } = temporaryFolder();
  const { uid, gid } = credentials();
  if (uid !== undefined && gid !== undefined) chownSync(path, uid, gid);
  chmodSync(path, 0o755);
  const logFile = join(path, "postgres.log");
  const server = await startPostgres({ dataDir: join(path, "data"), durable: false, settings: SETTINGS, logFile });
  const admin = await connectDb({ url: server.url(), max: 1, statementSeconds: 600 });
  const open: Db[] = [admin];
  return {
    create: async (name, copyOf) => {
      const like = copyOf === undefined ? "" : ` template ${copyOf} strategy file_copy`;
      await admin.query(`create database ${name}${like}`);
      const db = await connectDb({ url: server.url(name), max: 2, statementSeconds: 3_600 });
      open.push(db);
      if (copyOf === undefined) await migrate(db);
      return { db, url: server.url(name) };
    },
    urlOf: (name) => server.url(name),
    pagesOf: async (call) => {
      const from = statSync(logFile).size;
      await call();
      const pages = new Map<string, number>();
      for (const plan of plansOf(readFrom(logFile, from))) {
        const { "Query Text": text, Plan: read } = plan;
        let name = /\/\* forgeq:(\w+) \*\//.exec(text)?.[1] ?? text.slice(0, 60);
        while (pages.has(name)) name += " again";
        pages.set(name, read["Shared Hit Blocks"] + read["Shared Read Blocks"]);
      }
      return pages;
    },
    stop: async () => {
      for (const db of open) await db.close().catch(() => undefined);
      await server.stop();
      remove();
    },
  };
};
