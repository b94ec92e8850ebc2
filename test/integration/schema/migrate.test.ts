import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { isUnreleased, migrate } from "../../../lib/db/schema/migrate.ts";
import { isMigrated, SCHEMA_VERSION } from "../../../lib/db/schema/schema.ts";
import { createTestDatabase } from "../../support/database/database.ts";
import { openWith } from "../../support/database/drivers.ts";

const FOLDER = fileURLToPath(new URL("../../../migrations", import.meta.url));
const tables = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".sql"))
  .sort();
const functions = readdirSync(join(FOLDER, "functions"))
  .map((name) => `functions/${name}`)
  .sort();

/** A copy of the migrations to change. */
const copy = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "forgeq-migrations-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  cpSync(FOLDER, folder, { recursive: true });
  return folder;
};

const books = (db: Db) =>
  db.query<{ name: string; checksum: string }>("select name, checksum from forgeq.migration order by name");

const schemas = (db: Db) => db.query("select from pg_namespace where nspname = 'forgeq'");

describe("migrate", () => {
  it("applies tables in order, then functions, once each", async () => {
    const { db } = await createTestDatabase({ empty: true });
    expect(await isMigrated(db)).toBe(false);
    expect((await migrate(db)).applied).toEqual([...tables, ...functions]);
    expect(await isMigrated(db)).toBe(true);
    const before = await books(db);
    expect(before.every(({ checksum }) => /^[0-9a-f]{64}$/.test(checksum))).toBe(true);

    expect(await migrate(db)).toEqual({ applied: [], dryRun: false });
    expect(await books(db)).toEqual(before);
  });

  it("keeps the compiler out of every function that forbids plans: it takes their cost for real before PostgreSQL 18", async () => {
    const { db } = await createTestDatabase();
    const steered = await db.query<{ name: string; settings: string[] }>(
      `select proname as name, proconfig as settings from pg_proc
       where pronamespace = 'forgeq'::regnamespace and array_to_string(proconfig, ' ') ~ 'enable_'`,
    );
    expect(steered.length).toBeGreaterThan(15);
    expect(steered.filter(({ settings }) => !settings.includes("jit=off"))).toEqual([]);
  });

  it("says with --dry-run what it would apply, and changes nothing", async () => {
    const { db } = await createTestDatabase({ empty: true });
    expect(await migrate(db, { dryRun: true })).toEqual({ applied: [...tables, ...functions], dryRun: true });
    expect(await schemas(db)).toEqual([]);

    await migrate(db);
    const folder = copy();
    writeFileSync(join(folder, "9999_more.sql"), "create table forgeq.more (id int);");
    expect((await migrate(db, { dryRun: true, folder })).applied).toEqual(["9999_more.sql"]);
    expect(await db.query("select to_regclass('forgeq.more') as found")).toEqual([{ found: null }]);
  });

  it("refuses a newer table file that was edited after it was applied, and changes nothing", async () => {
    const { db } = await createTestDatabase();
    const folder = copy();
    writeFileSync(join(folder, "9998_more.sql"), "create table forgeq.more (id int);");
    await migrate(db, { folder });
    writeFileSync(join(folder, "9998_more.sql"), "create table forgeq.more (id bigint);");
    writeFileSync(join(folder, "9999_most.sql"), "create table forgeq.most (id int);");
    for (const dryRun of [true, false]) {
      await expect(migrate(db, { dryRun, folder })).rejects.toMatchObject({
        code: "schema_outdated",
        message: expect.stringContaining("9998_more.sql was changed after it was applied") as string,
      });
    }
    expect(await db.query("select to_regclass('forgeq.most') as found")).toEqual([{ found: null }]);
  });

  it.each([
    ["another text of the first file", "update forgeq.migration set checksum = repeat('0', 64) where name = $1"],
    ["the files before it", "update forgeq.migration set name = '0001_schema.sql' where name = $1"],
  ])("refuses a database that an unreleased version made, by %s, and says what to do", async (_, made) => {
    const { db } = await createTestDatabase();
    expect(await isUnreleased(db)).toBe(false);
    await db.query("drop function forgeq.next_due");
    await db.query(made, [tables[0]]);
    const before = await books(db);
    expect(await isUnreleased(db)).toBe(true);
    for (const dryRun of [true, false]) {
      await expect(migrate(db, { dryRun })).rejects.toMatchObject({
        code: "schema_outdated",
        message: expect.stringMatching(/unreleased version.*drop schema forgeq cascade.*forgeq migrate/) as string,
      });
    }
    expect(await books(db)).toEqual(before);
    await db.query("drop schema forgeq cascade");
    expect(await isUnreleased(db)).toBe(false);
    expect((await migrate(db)).applied).toEqual([...tables, ...functions]);
  });

  it("applies a function again when its text has changed", async () => {
    const { db } = await createTestDatabase();
    const folder = copy();
    const file = join(folder, "functions", "uuid_v7.sql");
    writeFileSync(file, `${readFileSync(file, "utf8")}\ncomment on function forgeq.uuid_v7() is 'newer';`);
    expect((await migrate(db, { folder })).applied).toEqual(["functions/uuid_v7.sql"]);
    expect(await db.query("select obj_description('forgeq.uuid_v7()'::regprocedure) as text")).toEqual([
      { text: "newer" },
    ]);
    // The older text comes back with the older code.
    expect((await migrate(db)).applied).toEqual(["functions/uuid_v7.sql"]);
  });

  it("applies a new table file on top of what is there", async () => {
    const { db } = await createTestDatabase();
    const folder = copy();
    writeFileSync(
      join(folder, "9999_more.sql"),
      "create table forgeq.more (id int); insert into forgeq.more values (1);",
    );
    expect((await migrate(db, { folder })).applied).toEqual(["9999_more.sql"]);
    expect(await migrate(db, { folder })).toMatchObject({ applied: [] });
    expect(await db.query("select id from forgeq.more")).toEqual([{ id: 1 }]);
  });

  it("leaves a newer schema alone", async () => {
    const { db } = await createTestDatabase();
    const folder = copy();
    writeFileSync(join(folder, "9999_more.sql"), "create table forgeq.more (id int);");
    await migrate(db, { folder });
    const before = await books(db);

    await expect(migrate(db)).rejects.toMatchObject({ code: "illegal_state" });
    expect((await migrate(db, { force: true })).applied).toEqual([]);
    expect(await isMigrated(db)).toBe(true);
    expect(await books(db)).toEqual(before);
  });

  it("applies all or nothing", async () => {
    const { db } = await createTestDatabase({ empty: true });
    const folder = copy();
    writeFileSync(join(folder, "9999_broken.sql"), "create table forgeq.more (id int); select 1 / 0;");
    await expect(migrate(db, { folder })).rejects.toMatchObject({ code: "22012" });
    expect(await schemas(db)).toEqual([]);
  });

  it("runs one at a time: of several concurrent ones, one applies everything and the others nothing", async () => {
    const { db } = await createTestDatabase({ empty: true });
    const runs = await Promise.all([migrate(db), migrate(db), migrate(db)]);
    const sizes = runs.map(({ applied }) => applied.length).sort((a, b) => a - b);
    expect(sizes).toEqual([0, 0, tables.length + functions.length]);
  });

  it("works through Neon's driver", async () => {
    const { db, url } = await createTestDatabase({ empty: true });
    const neon = await openWith("neon", url, { statementSeconds: 30 });
    expect((await migrate(neon, { dryRun: true })).applied).toHaveLength(tables.length + functions.length);
    expect((await migrate(neon)).applied).toEqual([...tables, ...functions]);
    expect(await isMigrated(neon)).toBe(true);
    expect((await migrate(db)).applied).toEqual([]);
  });
});

describe("SCHEMA_VERSION", () => {
  it("is the newest table file", () => {
    expect(SCHEMA_VERSION).toBe(tables.at(-1));
  });
});

describe("older code", () => {
  it("refuses a database that newer code has migrated, and puts its functions over them only when forced", async () => {
    const { db } = await createTestDatabase({ empty: true });
    const newer = copy();
    const file = join(newer, "functions", "wants_wake.sql");
    writeFileSync(file, readFileSync(file, "utf8").replace("-- Does", "-- Newer. Does"));
    await migrate(db, { folder: newer, version: "0.10.0" });
    const before = await books(db);
    await expect(migrate(db, { version: "0.9.1" })).rejects.toMatchObject({
      code: "illegal_state",
      message: expect.stringContaining("newer code (version 0.10.0)") as string,
    });
    expect(await books(db)).toEqual(before);
    expect(await migrate(db, { version: "0.9.1", dryRun: true })).toMatchObject({ newer: "version 0.10.0" });
    expect((await migrate(db, { version: "0.9.1", force: true })).applied).toEqual(["functions/wants_wake.sql"]);
    expect((await migrate(db, { folder: newer, version: "0.10.0" })).newer).toBeUndefined();
  });

  it("knows newer code by a table file that it lacks, also of the same version", async () => {
    const { db } = await createTestDatabase({ empty: true });
    const newer = copy();
    writeFileSync(join(newer, "0099_future.sql"), "create table forgeq.future (n int)");
    await migrate(db, { folder: newer });
    await expect(migrate(db)).rejects.toThrow("newer code (0099_future.sql)");
  });
});
