import dns from "node:dns";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { connectDb, type ConnectOptions } from "../../../lib/db/drivers/connect.ts";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { migrate } from "../../../lib/db/schema/migrate.ts";
import { createTestDatabase } from "../../support/database/database.ts";
import { openWith } from "../../support/database/drivers.ts";
import { setup } from "../../support/queue.ts";

const TEXT = "/* forgeq:claim */ select $1::int + one() as value";

const ONE = "create function one() returns int language sql as 'select 1'";

/** The named statements of a pool's only connection, with how often each was run. */
const named = (db: Db) =>
  db.query<{ name: string; tag: string; runs: number }>(
    `select name, substring(statement from 'forgeq:(\\w+)') as tag, (generic_plans + custom_plans)::int as runs
     from pg_prepared_statements where name <> '' order by tag`,
  );

/** A queue on a single connection, and a statement with a function that a test may change. */
const setupOne = async () => {
  const own = await createTestDatabase();
  await own.db.query(ONE);
  const open = () => openWith("pg", own.url, { max: 1 });
  const db = await open();
  const { queue } = await setup({ database: { ...own, db } });
  return {
    db,
    open,
    others: own.db,
    queue,
    value: async (on = db) => (await on.query<{ value: unknown }>(TEXT, [1]))[0]?.value,
    round: async () => {
      await queue.enqueue();
      await queue.settle(await queue.lease(), "completed");
    },
  };
};

it("keeps the frequent statements on the connection, and no others", async () => {
  const { db, queue, round } = await setupOne();
  for (let n = 0; n < 3; n += 1) await round();
  const [id] = await queue.enqueue();
  expect(await queue.state(id!)).toBe("pending");
  const statements = await named(db);
  expect(statements.map(({ tag, runs }) => [tag, runs])).toEqual([
    ["begin", 3],
    ["claim", 3],
    ["enqueue", 4],
    ["settle", 3],
  ]);
  for (const { name, tag } of statements) expect(name).toMatch(new RegExp(`^fq_${tag}_[0-9a-f]{16}$`));
});

const openPlain = async (options: ConnectOptions): Promise<Db> => {
  const db = await connectDb({ ...options, max: 1 });
  onTestFinished(() => db.close());
  return db;
};

it("prepares nothing where it is told so", async () => {
  const own = await createTestDatabase();
  await own.db.query(ONE);
  const db = await openPlain({ url: own.url, prepared: "off" });
  expect(await db.query(TEXT, [1])).toEqual([{ value: 2 }]);
  expect(await named(db)).toEqual([]);
});

it("refuses a word that is neither on nor off", async () => {
  const own = await createTestDatabase();
  const prepared = "maybe" as "on";
  await expect(connectDb({ url: own.url, prepared })).rejects.toThrow("FORGEQ_PREPARED is on or off");
});

it("prepares nothing behind RDS Proxy, unless it is told to", async () => {
  // The name leads to this machine.
  const own = await createTestDatabase();
  await own.db.query(ONE);
  for (const [prepared, expected] of [
    [undefined, 0],
    ["on", 1],
  ] as const) {
    vi.spyOn(dns, "lookup").mockImplementation(((
      _: string,
      options: { all?: boolean },
      done: (...answer: unknown[]) => void,
    ) => (options.all ? done(null, [{ address: "127.0.0.1", family: 4 }]) : done(null, "127.0.0.1", 4))) as never);
    onTestFinished(() => void vi.restoreAllMocks());
    const url = new URL(own.url);
    url.hostname = "name.proxy-abcdefghijkl.eu-central-1.rds.amazonaws.com";
    url.searchParams.set("sslmode", "disable");
    const db = await openPlain({ url: url.href, prepared });
    expect(await db.query(TEXT, [1])).toEqual([{ value: 2 }]);
    expect((await named(db)).length).toBe(expected);
  }
});

it("gives a text the same name on every connection", async () => {
  const { db, open, value } = await setupOne();
  const other = await open();
  expect([await value(), await value(other)]).toEqual([2, 2]);
  expect(await named(other)).toEqual(await named(db));
});

it("uses no name inside a transaction", async () => {
  const { db } = await setupOne();
  expect(await db.transaction((tx) => tx.query(TEXT, [1]))).toEqual([{ value: 2 }]);
  expect(await named(db)).toEqual([]);
});

it("uses a name again after its statement has failed", async () => {
  const { db, value } = await setupOne();
  await value();
  await expect(db.query(TEXT, [2_147_483_647])).rejects.toMatchObject({ code: "22003" });
  expect(await value()).toBe(2);
  expect(await named(db)).toMatchObject([{ runs: 2 }]);
});

it("names a statement whose function comes with a later migration", async () => {
  const { db, others, value } = await setupOne();
  await others.query("drop function one()");
  await expect(value()).rejects.toMatchObject({ code: "42883" });
  await others.query(ONE);
  expect(await value()).toBe(2);
  expect(await named(db)).toMatchObject([{ runs: 1 }]);
});

describe("a name that is refused", () => {
  it("is not used again when the connection does not know it", async () => {
    const { db, others, queue } = await setupOne();
    await queue.enqueue();
    await db.query("deallocate all");
    await queue.enqueue();
    await queue.enqueue();
    expect(await others.query("select count(*)::int as jobs from forgeq.job")).toEqual([{ jobs: 3 }]);
    expect(await named(db)).toEqual([]);
  });

  it("is not used again when somebody else gave it to the connection", async () => {
    const { db, open, value } = await setupOne();
    await value();
    const [{ name } = { name: "" }] = await named(db);
    const other = await open();
    await other.query(`prepare ${name} as select 'of somebody else'`);
    expect([await value(other), await value(other)]).toEqual([2, 2]);
  });

  it("is not used again when the statement gives another type since a migration", async () => {
    const { others, value } = await setupOne();
    await value();
    await others.query("drop function one()");
    await others.query("create function one() returns numeric language sql as 'select 1.5'");
    expect([await value(), await value()]).toEqual(["2.5", "2.5"]);
  });
});

describe("a migration", () => {
  it("replaces a function, or drops it and makes it again, under a name in use", async () => {
    const { db, others, value } = await setupOne();
    await value();
    await others.query("create or replace function one() returns int language sql as 'select 10'");
    expect(await value()).toBe(11);
    await others.query("drop function one()");
    await others.query("create function one() returns int language sql as 'select 100'");
    expect(await value()).toBe(101);
    expect(await named(db)).toMatchObject([{ runs: 3 }]);
  });

  it("applies all functions again under names in use", async () => {
    const { db, others, round } = await setupOne();
    await round();
    await others.query("update forgeq.migration set checksum = 'old' where kind = 'function'");
    expect((await migrate(others)).applied).toContain("functions/claim.sql");
    await round();
    expect((await named(db)).map(({ runs }) => runs)).toEqual([2, 2, 2, 2]);
  });
});
