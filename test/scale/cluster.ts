/** The clusters of the runs: one is filled for each size, kept, and copied for each run. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startPostgres, type LocalPostgres } from "../../lib/local/postgres.ts";
import { credentials } from "../../lib/local/postgres-binaries.ts";
import { connectDb } from "../../lib/db/drivers/connect.ts";
import { migrate } from "../../lib/db/schema/migrate.ts";
import { DATABASE, fill } from "./fill.ts";
import type { Options, Sizes } from "./sizes.ts";

const ROOT = join(import.meta.dirname, "../..");

/** The commit of a run waits for no disk; what is counted is the same. */
const SETTINGS = {
  shared_buffers: "1GB",
  maintenance_work_mem: "512MB",
  max_wal_size: "8GB",
  checkpoint_timeout: "1h",
  max_connections: "60",
  shared_preload_libraries: "pg_stat_statements",
  "pg_stat_statements.track_planning": "off",
};

const FILLING = { ...SETTINGS, wal_level: "minimal", max_wal_senders: "0", autovacuum: "off" };

/** Everything that the contents of a filled cluster follow from. */
const keyOf = (sizes: Sizes, binFolder: string | undefined): string => {
  const hash = createHash("sha256").update(JSON.stringify([sizes, binFolder]));
  const files = [join(ROOT, "migrations/0001_tables.sql"), join(ROOT, "migrations/functions/ensure_partitions.sql")];
  for (const file of [...files, join(import.meta.dirname, "fill.ts"), join(import.meta.dirname, "definitions.ts")])
    hash.update(readFileSync(file));
  return `${sizes.finished}-${sizes.waiting}-${sizes.schedules}-${sizes.queues}-${hash.digest("hex").slice(0, 8)}`;
};

const makeFolder = (folder: string): void => {
  mkdirSync(folder, { recursive: true });
  const { uid, gid } = credentials();
  if (uid !== undefined && gid !== undefined) chownSync(folder, uid, gid);
  chmodSync(folder, 0o755);
};

const copy = (from: string, to: string): void => {
  rmSync(to, { recursive: true, force: true });
  const { status, stderr } = spawnSync("cp", ["-a", "--reflink=auto", from, to], { encoding: "utf8" });
  if (status !== 0) throw new Error(`the cluster could not be copied: ${stderr}`);
};

/** Clusters of an older schema, or of other sizes: the newest two are kept. */
const forgetOld = (folder: string): void => {
  const kept = readdirSync(folder).filter((name) => name.endsWith(".filled"));
  const newestFirst = kept.toSorted((a, b) => statSync(join(folder, b)).mtimeMs - statSync(join(folder, a)).mtimeMs);
  for (const name of newestFirst.slice(2)) {
    rmSync(join(folder, name));
    rmSync(join(folder, name.slice(0, -".filled".length)), { recursive: true, force: true });
  }
};

/** The folder of the filled cluster of these sizes, which is made where there is none. */
const filled = async ({ sizes, folder: given }: Options, say: (text: string) => void): Promise<string> => {
  const binFolder = process.env["FORGEQ_TEST_PG_BIN"];
  const folder = given ?? join(tmpdir(), "forgeq-scale");
  makeFolder(folder);
  const dataDir = join(folder, keyOf(sizes, binFolder));
  if (existsSync(`${dataDir}.filled`)) return dataDir;
  rmSync(dataDir, { recursive: true, force: true });
  const startedMs = performance.now();
  const server = await startPostgres({ dataDir, durable: false, settings: FILLING, ...(binFolder && { binFolder }) });
  try {
    await fill(server, sizes, say);
  } finally {
    await server.stop();
  }
  writeFileSync(`${dataDir}.filled`, "");
  forgetOld(folder);
  say(`filled in ${Math.round((performance.now() - startedMs) / 1000)} s: ${dataDir}`);
  return dataDir;
};

export interface Cluster {
  readonly server: LocalPostgres;
  /** Ends it and removes the copy. */
  remove(): Promise<void>;
}

/** The functions of this code, where the cluster was filled by another's. */
const applyFunctions = async (server: LocalPostgres): Promise<void> => {
  const db = await connectDb({ url: server.url(DATABASE), max: 1, statementSeconds: 60 });
  await migrate(db).finally(() => db.close());
};

/** A copy of the filled cluster, started; null where only that was wanted. */
export const openCluster = async (options: Options, say: (text: string) => void): Promise<Cluster | null> => {
  const from = await filled(options, say);
  if (options.fillOnly) return null;
  const dataDir = `${from}.run-${process.pid}`;
  copy(from, dataDir);
  const binFolder = process.env["FORGEQ_TEST_PG_BIN"];
  const server = await startPostgres({ dataDir, durable: false, settings: SETTINGS, ...(binFolder && { binFolder }) });
  await applyFunctions(server);
  return {
    server,
    remove: async () => {
      await server.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
};
