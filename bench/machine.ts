import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { arch, cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import pg from "pg";

export interface Machine {
  readonly at: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly kernel: string;
  readonly node: string;
  readonly postgres: string;
  readonly redis: string | null;
  readonly commit: string;
  readonly peers: Readonly<Record<string, string>>;
  readonly singleCommitsPerSecond: number;
}

const run = (command: string, ...args: string[]): string | null => {
  try {
    return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return null;
  }
};

/** One-row commits of one connection: what the disk's fsync allows. */
const commitsPerSecond = async (client: pg.Client): Promise<number> => {
  await client.query("create table if not exists public.probe (n int)");
  const startedMs = performance.now();
  let made = 0;
  while (performance.now() - startedMs < 1_000) {
    await client.query("insert into public.probe values (1)");
    made += 1;
  }
  await client.query("drop table public.probe");
  return Math.round((made * 1000) / (performance.now() - startedMs));
};

export const describeMachine = async (postgresUrl: string): Promise<Machine> => {
  const client = new pg.Client({ connectionString: postgresUrl });
  await client.connect();
  const { rows } = await client.query<{ version: string }>("select version()");
  const lock = JSON.parse(readFileSync(join(import.meta.dirname, "package.json"), "utf8")) as {
    dependencies: Record<string, string>;
  };
  const described: Machine = {
    at: new Date().toISOString(),
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    kernel: `${release()} ${arch()}`,
    node: process.version,
    postgres: rows[0]?.version.split(" on ")[0] ?? "",
    redis: run("redis-server", "--version"),
    commit: run("git", "rev-parse", "--short", "HEAD") ?? "",
    peers: lock.dependencies,
    singleCommitsPerSecond: await commitsPerSecond(client),
  };
  await client.end();
  return described;
};
