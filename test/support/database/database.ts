import { randomUUID } from "node:crypto";
import { inject, onTestFinished } from "vitest";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { connectDb } from "../../../lib/db/drivers/connect.ts";
import { TEMPLATE } from "../global-setup.ts";

export interface TestDatabase {
  readonly db: Db;
  readonly url: string;
  /** Done by itself at the end of a test. */
  drop(): Promise<void>;
}

/** A database of its own, cloned from the migrated template; empty where that or an encoding is asked for. Inside a test it is dropped when the test ends. */
export const createTestDatabase = async (
  options: { readonly max?: number; readonly empty?: boolean; readonly encoding?: string } = {},
): Promise<TestDatabase> => {
  const server = inject("postgresUrl");
  const name = `test_${randomUUID().replaceAll("-", "")}`;
  const admin = await connectDb({ url: `${server}postgres`, max: 1, statementSeconds: 60 });
  const { empty = false, encoding } = options;
  const like =
    encoding === undefined
      ? empty
        ? ""
        : ` template ${TEMPLATE}`
      : ` template template0 encoding '${encoding}' locale 'C'`;
  // As files: the other way writes each page to the log, too.
  await admin.query(`create database ${name}${like} strategy file_copy`);
  const url = server + name;
  const db = await connectDb({ url, max: options.max ?? 20, statementSeconds: 30 });
  const drop = async () => {
    await db.close();
    await admin.query(`drop database if exists ${name} with (force)`);
    await admin.close();
  };
  try {
    onTestFinished(drop);
  } catch {
    // Not inside a test: the caller drops it.
  }
  return { db, url, drop };
};
