import { randomUUID } from "node:crypto";
import { onTestFinished } from "vitest";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { connectDb } from "../../../lib/db/drivers/connect.ts";
import { type Role, roleName } from "../../../lib/db/schema/roles.ts";

/** Somebody who was given these roles; nobody's role but USAGE of the schema is a stranger's. */
export type Part = Role | "stranger";
export const PARTS: readonly Part[] = ["enqueue", "worker", "manage", "read", "stranger"];

export interface LoggedIn {
  readonly db: Db;
  readonly url: string;
  readonly name: string;
  /** Done by itself at the end of a test. */
  drop(): Promise<void>;
}

/** A login role of the test's own, a member of these group roles, and a connection as it. It is dropped when the test ends. */
export const logIn = async (
  { db: owner, url }: { readonly db: Db; readonly url: string },
  parts: readonly Part[],
  max = 4,
): Promise<LoggedIn> => {
  const name = `login_${randomUUID().replaceAll("-", "")}`;
  const roles = parts.filter((part) => part !== "stranger").map((role) => roleName("forgeq", role));
  await owner.query(`create role ${name} login password '${name}'`);
  if (roles.length > 0) await owner.query(`grant ${roles.join(", ")} to ${name}`);
  if (parts.includes("stranger")) await owner.query(`grant usage on schema forgeq to ${name}`);
  const address = new URL(url);
  address.username = name;
  address.password = name;
  const db = await connectDb({ url: address.href, max });
  const drop = async () => {
    await db.close();
    await owner.query(`drop owned by ${name}`);
    await owner.query(`drop role ${name}`);
  };
  try {
    onTestFinished(drop);
  } catch {
    // Not inside a test: the caller drops it.
  }
  return { db, url: address.href, name, drop };
};

/** What Postgres says to a statement: its code, and undefined where it does it. */
export const refusalOf = async (db: Db, text: string, params: readonly unknown[] = []): Promise<string | undefined> => {
  try {
    await db.query(text, params);
    return undefined;
  } catch (error) {
    const { code, message } = error as { readonly code?: string; readonly message: string };
    return `${code} ${message}`;
  }
};
