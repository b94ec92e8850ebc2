import { chmodSync, chownSync, existsSync, mkdtempSync, rmSync, statfsSync } from "node:fs";
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
    /** Of this user alone, for what the first test that needs it makes for all. */
    readonly sharedFolder: string;
  }
}

export const TEMPLATE = "forgeq_template";

const MEMORY = "/dev/shm";
/** What the databases of a run and their log take at most, several times over. */
const ROOM_BYTES = 6e9;

/** A folder for the data: in memory where there is enough, since each test makes a database of 560 files and drops it again. */
const dataFolder = (): string => {
  const hasRoom = (): boolean => {
    const { bavail, bsize } = statfsSync(MEMORY);
    return bavail * bsize >= ROOM_BYTES;
  };
  return mkdtempSync(join(existsSync(MEMORY) && hasRoom() ? MEMORY : tmpdir(), "forgeq-test-"));
};

/** For all tests of the run: what Node has compiled, since each test file is a process, and so is each command that a test runs; and the packed package. */
const makeShared = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "forgeq-shared-"));
  process.env["NODE_COMPILE_CACHE"] = join(folder, "code");
  return folder;
};

/** The functions' bundles, once for all tests that run or package them. */
const buildFunctions = async (): Promise<void> => {
  const { build } = (await import(new URL("../../esbuild.config.mjs", import.meta.url).href)) as {
    build: () => Promise<unknown>;
  };
  await build();
};

/** One Postgres for the whole run, in a folder of its own, with a migrated template that each test's database is cloned from. */
const setup = async (project: TestProject): Promise<() => Promise<void>> => {
  const shared = makeShared();
  const folder = dataFolder();
  const remove = () => [folder, shared].forEach((each) => rmSync(each, { recursive: true, force: true }));
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
    remove();
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
    remove();
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
  project.provide("sharedFolder", shared);
  return tearDown;
};

export default setup;
