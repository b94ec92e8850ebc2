/** The databases of tests, which `forgeq/testing` makes. Their names are made here alone, so they need no quotes. */
import type { Db } from "../drivers/client.ts";

export const TEMPLATE_PREFIX = "forgeq_template_";
const TEST_PREFIX = "forgeq_test_";

/** Names a database after the process that it is for. */
export const nameFor = (pid: number, id: string): string => `${TEST_PREFIX}${pid}_${id.replaceAll("-", "")}`;

const NAMES = `/* forgeq:test_databases */
select datname::text as name from pg_database where starts_with(datname, $1)`;

const namesWith = async (db: Db, prefix: string): Promise<string[]> =>
  (await db.query<{ name: string }>(NAMES, [prefix])).map(({ name }) => name);

const LOCK = `/* forgeq:test_lock */
select pg_advisory_lock(7116733, 1)`;
const UNLOCK = `/* forgeq:test_unlock */
select pg_advisory_unlock(7116733, 1)`;

/**
 * Makes the template, unless it is there; the templates of other schemas go. Concurrent callers wait for the first one.
 *
 * @param db - with one connection, which holds the lock
 * @param fill - brings the schema into a database
 */
export const makeTemplate = async (db: Db, template: string, fill: (name: string) => Promise<void>): Promise<void> => {
  await db.query(LOCK);
  try {
    const there = await namesWith(db, TEMPLATE_PREFIX);
    if (there.includes(template)) return;
    for (const old of there) await dropDatabase(db, old);
    // It gets its name when it is complete.
    const draft = `${TEMPLATE_PREFIX}draft`;
    await db.query(`create database ${draft} template template0`);
    await fill(draft);
    await db.query(`alter database ${draft} rename to ${template}`);
  } finally {
    await db.query(UNLOCK);
  }
};

export const cloneDatabase = async (db: Db, name: string, template: string): Promise<void> => {
  await db.query(`create database ${name} template ${template}`);
};

export const dropDatabase = async (db: Db, name: string): Promise<void> => {
  await db.query(`drop database if exists ${name} with (force)`);
};

/** Drops the databases of processes that are gone. @param isGone - whether the process of this number is */
export const dropLeftBehind = async (db: Db, isGone: (pid: number) => boolean): Promise<void> => {
  for (const name of await namesWith(db, TEST_PREFIX)) {
    if (isGone(Number(name.slice(TEST_PREFIX.length).split("_")[0]))) await dropDatabase(db, name);
  }
};
