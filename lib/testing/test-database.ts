import { randomUUID } from "node:crypto";
import { connectDb } from "../db/drivers/connect.ts";
import type { Db } from "../db/drivers/client.ts";
import { migrate, schemaFingerprint } from "../db/schema/migrate.ts";
import * as names from "../db/schema/test-databases.ts";
import { testServer } from "./test-server.ts";

const CONNECTIONS = 8;
const STATEMENT_SECONDS = 60;

export interface TestDatabase {
  readonly url: string;
  readonly db: Db;
  drop(): Promise<void>;
}

const withDatabase = (server: string, name: string): string => {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
};

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
};

/** Makes the template of this code's schema, where nobody has yet, and drops what killed test processes have left behind. */
const prepare = async (server: string): Promise<{ readonly admin: Db; readonly template: string }> => {
  const admin = await connectDb({ url: server, driver: "pg", max: 1, statementSeconds: STATEMENT_SECONDS });
  const template = names.TEMPLATE_PREFIX + (await schemaFingerprint());
  const migrateInto = async (name: string): Promise<void> => {
    const db = await connectDb({
      url: withDatabase(server, name),
      driver: "pg",
      max: 1,
      statementSeconds: STATEMENT_SECONDS,
    });
    try {
      await migrate(db);
    } finally {
      await db.close();
    }
  };
  await names.makeTemplate(admin, template, migrateInto);
  await names.dropLeftBehind(admin, (pid) => !isAlive(pid));
  return { admin, template };
};

const prepared = new Map<string, ReturnType<typeof prepare>>();

/** A database of its own, cloned from a migrated template. @param given - a server's URL; the embedded Postgres unless given */
export const createTestDatabase = async (given?: string): Promise<TestDatabase> => {
  const server = given ?? (await testServer());
  const preparing = prepared.get(server) ?? prepare(server);
  prepared.set(server, preparing);
  const { admin, template } = await preparing.catch((error: unknown) => {
    prepared.delete(server);
    throw error;
  });
  const name = names.nameFor(process.pid, randomUUID());
  await names.cloneDatabase(admin, name, template);
  const url = withDatabase(server, name);
  const db = await connectDb({ url, driver: "pg", max: CONNECTIONS, statementSeconds: STATEMENT_SECONDS });
  return {
    url,
    db,
    drop: async () => {
      await db.close();
      await names.dropDatabase(admin, name);
    },
  };
};
