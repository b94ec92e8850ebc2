/** The servers of one benchmark run: a Postgres with default durability, and Redis where Debian's is installed. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { credentials } from "../lib/local/postgres-binaries.ts";
import { freePort, startPostgres, type LocalPostgres } from "../lib/local/postgres.ts";

export interface Servers {
  readonly postgres: LocalPostgres;
  /** Null where there is no redis-server. */
  readonly redis: { readonly pid: number; readonly port: number } | null;
  stop(): Promise<void>;
}

/** Sizing only: fsync, synchronous_commit and full_page_writes stay as they are by default. */
const SETTINGS = {
  shared_buffers: "2GB",
  max_wal_size: "8GB",
  checkpoint_timeout: "15min",
  max_connections: "200",
  shared_preload_libraries: "pg_stat_statements",
  "pg_stat_statements.track_planning": "off",
};

const startRedis = async (folder: string): Promise<{ child: ChildProcess; port: number } | null> => {
  if (spawnSync("redis-server", ["--version"]).status !== 0) return null;
  const port = await freePort();
  mkdirSync(folder);
  const args = ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--appendonly", "yes"];
  const child = spawn("redis-server", [...args, "--appendfsync", "everysec"], { stdio: "ignore" });
  for (let tried = 0; tried < 100; tried += 1) {
    if (spawnSync("redis-cli", ["-p", String(port), "ping"]).status === 0) return { child, port };
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  child.kill("SIGKILL");
  throw new Error("Redis did not start");
};

export const startServers = async (): Promise<Servers> => {
  const folder = mkdtempSync(join(tmpdir(), "forgeq-bench-"));
  const { uid, gid } = credentials();
  if (uid !== undefined && gid !== undefined) chownSync(folder, uid, gid);
  chmodSync(folder, 0o755);
  const postgres = await startPostgres({ dataDir: join(folder, "data"), durable: true, settings: SETTINGS });
  const redis = await startRedis(join(folder, "redis")).catch(async (error: unknown) => {
    await postgres.stop();
    throw error;
  });
  return {
    postgres,
    redis: redis === null ? null : { pid: redis.child.pid ?? 0, port: redis.port },
    stop: async () => {
      redis?.child.kill("SIGKILL");
      await postgres.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
