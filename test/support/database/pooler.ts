import { spawn } from "node:child_process";
import { chownSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { expect, onTestFinished } from "vitest";
import { credentials } from "../../../lib/local/postgres-binaries.ts";
import { freePort } from "../../../lib/local/postgres.ts";
import { temporaryFolder } from "../cli/start-local.ts";

const PGBOUNCER = "/usr/sbin/pgbouncer";

/** Debian's package; .ci/run installs it and says that it must be there. */
export const hasPooler = existsSync(PGBOUNCER) || process.env["FORGEQ_TEST_PGBOUNCER"] === "required";

/** A session of the pooler's. */
export const connectTo = async (url: string): Promise<pg.Client> => {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  onTestFinished(() => client.end());
  return client;
};

/**
 * PgBouncer by transaction, in front of a test's database.
 *
 * @param connections - to Postgres, which all sessions share
 */
export const startPooler = async (url: string, connections: number): Promise<string> => {
  const folder = temporaryFolder();
  onTestFinished(folder.remove);
  const port = await freePort();
  const { hostname, port: postgresPort, username, password } = new URL(url);
  const users = join(folder.path, "users.txt");
  const settings = join(folder.path, "pgbouncer.ini");
  writeFileSync(users, `"${username}" "${password}"\n`);
  writeFileSync(
    settings,
    `[databases]
* = host=${hostname} port=${postgresPort}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${users}
pool_mode = transaction
default_pool_size = ${connections}
`,
  );
  // As Postgres, it refuses to run as root.
  const { uid, gid } = credentials();
  if (uid !== undefined && gid !== undefined) for (const file of [users, settings]) chownSync(file, uid, gid);
  const child = spawn(PGBOUNCER, ["--quiet", settings], { ...credentials(), cwd: folder.path, stdio: "ignore" });
  const exited = new Promise((resolve) => child.once("exit", resolve));
  onTestFinished(async () => {
    child.kill("SIGTERM");
    await exited;
  });
  const pooled = new URL(url);
  pooled.port = String(port);
  await expect.poll(() => connectTo(pooled.href).then(() => "there"), { timeout: 10_000 }).toBe("there");
  return pooled.href;
};
