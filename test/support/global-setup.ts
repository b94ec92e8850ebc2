import { chmodSync, chownSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { connectDb } from "../../lib/db/drivers/connect.ts";
import { migrate } from "../../lib/db/schema/migrate.ts";
import { credentials } from "../../lib/local/postgres-binaries.ts";
import { startPostgres } from "../../lib/local/postgres.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Of the test server, with the database's name left out. */
    readonly postgresUrl: string;
  }
}

export const TEMPLATE = "forgeq_template";

/** The functions' bundles, once for all tests that run or package them. */
const buildFunctions = async (): Promise<void> => {
  const { build } = (await import(new URL("../../esbuild.config.mjs", import.meta.url).href)) as {
    build: () => Promise<unknown>;
  };
  await build();
};

/** One Postgres for the whole run, in a temporary folder, with a migrated template that each test's database is cloned from. */
const setup = async (project: TestProject): Promise<() => Promise<void>> => {
  const folder = mkdtempSync(join(tmpdir(), "forgeq-test-"));
  const { uid, gid } = credentials();
  if (uid !== undefined && gid !== undefined) chownSync(folder, uid, gid);
  chmodSync(folder, 0o755);
  const binFolder = process.env["FORGEQ_TEST_PG_BIN"];
  const server = await startPostgres({
    dataDir: join(folder, "data"),
    durable: false,
    settings: { max_connections: "400", shared_buffers: "256MB", autovacuum: "on" },
    ...(binFolder === undefined ? {} : { binFolder }),
  });
  const tearDown = async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  // Also when the runner itself is interrupted or crashes.
  const onSignal = () => void tearDown().finally(() => process.exit(130));
  process.once("SIGINT", onSignal);
  process.once("SIGTERM", onSignal);
  process.once("exit", () => {
    try {
      process.kill(server.pid, "SIGKILL");
    } catch {
      // Stopped already.
    }
    rmSync(folder, { recursive: true, force: true });
  });

  try {
    await buildFunctions();
    const admin = await connectDb({ url: server.url() });
    await admin.query(`create database ${TEMPLATE}`);
    await admin.close();
    const template = await connectDb({ url: server.url(TEMPLATE), statementSeconds: 60 });
    await migrate(template);
    await template.close();
  } catch (error) {
    await tearDown();
    throw error;
  }
  project.provide("postgresUrl", server.url(""));
  return tearDown;
};

export default setup;
