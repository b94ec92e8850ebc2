/** A Postgres that logs what each statement reads, and a reader of that log. */
import { chmodSync, chownSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
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

export interface Explained {
  readonly db: Db;
  readonly url: string;
  /** Pages that each statement read during a call, by the names that ForgeQ gives its statements. */
  readonly pagesOf: (call: () => Promise<unknown>) => Promise<ReadonlyMap<string, number>>;
}

/** Vacuum never comes by. Until the test ends. */
export const startExplained = async (): Promise<Explained> => {
  const { path, remove } = temporaryFolder();
  const { uid, gid } = credentials();
  if (uid !== undefined && gid !== undefined) chownSync(path, uid, gid);
  chmodSync(path, 0o755);
  const logFile = join(path, "postgres.log");
  const server = await startPostgres({ dataDir: join(path, "data"), durable: false, settings: SETTINGS, logFile });
  const url = server.url();
  const db = await connectDb({ url, max: 1, statementSeconds: 600 });
  onTestFinished(async () => {
    await db.close();
    await server.stop();
    remove();
  });
  await migrate(db);
  return {
    db,
    url,
    pagesOf: async (call) => {
      const from = statSync(logFile).size;
      await call();
      const pages = new Map<string, number>();
      for (const plan of plansOf(readFileSync(logFile).subarray(from).toString())) {
        const [, name] = /\/\* forgeq:(\w+) \*\//.exec(plan["Query Text"]) ?? [];
        if (name === undefined) continue;
        const { "Shared Hit Blocks": hit, "Shared Read Blocks": read } = plan.Plan;
        pages.set(name, (pages.get(name) ?? 0) + hit + read);
      }
      return pages;
    },
  };
};
