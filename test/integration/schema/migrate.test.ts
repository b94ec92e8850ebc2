import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { getJob } from "../../../lib/db/reads/jobs.ts";
import { migrate } from "../../../lib/db/schema/migrate.ts";
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

/** A leased job, one that waits, and two that have ended: this week and last week. */
const OLD_ROWS = `do $$
declare
  id uuid := '00000000-0000-0000-0000-000000000001';
  claim uuid := '00000000-0000-0000-0000-0000000000aa';
  dead uuid := '00000000-0000-0000-0000-0000000000dd';
begin
  insert into forgeq.job (id, run_at, created_at, claim_id, life, priority, attempt, max_attempts, queue, type, payload)
  values (id, now() - interval '1 minute', now() - interval '1 hour', claim, 2, 4, 3, 8, 'plain', 'plain', '{"n": 1}'),
         (gen_random_uuid(), now() + interval '1 hour', now(), null, 1, 5, 0, 8, 'plain', 'plain', '{"n": 2}');
  insert into forgeq.lease (id, claim_id, ordinal, queue, type, job_ids, open_jobs, created_at, expires_at, began_at, begun_by)
  values (gen_random_uuid(), claim, 1, 'plain', 'plain', array[id], 1, now(), now() + interval '1 hour', now(),
          '00000000-0000-0000-0000-0000000000bb');
  insert into forgeq.job_history (id, life, finished_at, created_at, run_at, state, priority, attempt, max_attempts, depth, queue, type, error, payload)
  values (dead, 1, now(), now(), now(), 'dead', 5, 8, 8, 0, 'plain', 'plain', '{"name": "Error"}', '{"n": 3}'),
         (gen_random_uuid(), 3, now() - interval '7 days', now(), now() + interval '1 day', 'cancelled', 5, 1, 8, 2, 'plain', 'plain', null, null);
end $$`;

const SHOWN = `select to_jsonb(j) || jsonb_build_object('waits', run_at - created_at) as job from forgeq.jobs j order by id`;

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

  it("refuses a table file that was edited after it was applied, and changes nothing", async () => {
    const { db } = await createTestDatabase();
    const folder = copy();
    writeFileSync(join(folder, tables[0]!), `${readFileSync(join(folder, tables[0]!), "utf8")}\n-- edited`);
    writeFileSync(join(folder, "9999_more.sql"), "create table forgeq.more (id int);");
    for (const dryRun of [true, false]) {
      await expect(migrate(db, { dryRun, folder })).rejects.toMatchObject({
        code: "schema_outdated",
        message: expect.stringContaining(tables[0]!) as string,
      });
    }
    expect(await db.query("select to_regclass('forgeq.more') as found")).toEqual([{ found: null }]);
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

  it("keeps jobs, leases and history when it orders their columns anew", async () => {
    const { db } = await createTestDatabase({ empty: true });
    const older = copy();
    for (const name of tables.filter((table) => table >= "0006")) rmSync(join(older, name));
    rmSync(join(older, "functions", "job_details.sql"));
    for (const name of ["begin.sql", "job_taken.sql", "pick.sql", "settle_and_take.sql"]) {
      const file = join(older, "functions", name);
      writeFileSync(file, `${readFileSync(file, "utf8")}\n-- older`);
    }
    await migrate(db, { folder: older });
    await db.query(OLD_ROWS);
    const before = await db.query(SHOWN);
    expect(before).toHaveLength(4);

    expect((await migrate(db)).applied).toEqual([
      ...tables.filter((table) => table >= "0006"),
      "functions/begin.sql",
      "functions/job_details.sql",
      "functions/job_taken.sql",
      "functions/pick.sql",
      "functions/settle_and_take.sql",
    ]);
    expect(await db.query(SHOWN)).toEqual(before);
    // Weeks with rows keep their table and its indexes; the others are made anew.
    const orders = await db.query<{ second: string; indexes: number; parts: number }>(
      `select a.attname as second, (select count(*)::int from pg_index where indrelid = a.attrelid) as indexes, count(*)::int as parts
       from pg_inherits i
       join pg_attribute a on a.attrelid = i.inhrelid and a.attnum = 2
       where i.inhparent = 'forgeq.job_history'::regclass group by 1, 2 order by 1`,
    );
    expect(orders).toEqual([
      { second: "finished_at", indexes: 3, parts: 8 },
      { second: "life", indexes: 3, parts: 2 },
    ]);
    const [running] = await db.query<{ id: string; lease: string }>(
      "select job_ids[1] as id, id as lease from forgeq.lease",
    );
    const worker = "00000000-0000-0000-0000-0000000000bb";
    const ended = JSON.stringify([{ id: running!.id, outcome: "completed", result: { n: 1 } }]);
    expect(
      await db.query("select outcome from forgeq.settle($1::uuid, $2::uuid, $3::jsonb)", [
        running!.lease,
        worker,
        ended,
      ]),
    ).toEqual([{ outcome: "settled" }]);
    expect(
      await db.query(
        "select state, life, attempt, run_at = created_at as at_once, payload, result from forgeq.jobs where id = $1",
        [running!.id],
      ),
    ).toEqual([{ state: "completed", life: 2, attempt: 3, at_once: false, payload: { n: 1 }, result: { n: 1 } }]);

    // What the history has from before is read, compared with, and run again as ever.
    const dead = "00000000-0000-0000-0000-0000000000dd";
    expect(await getJob(db, dead, null)).toMatchObject({ state: "dead", payload: { n: 3 } });
    const again = (payload: unknown) =>
      db.query("select created from forgeq.enqueue('plain', $1::jsonb, id => $2)", [JSON.stringify(payload), dead]);
    await db.query("insert into forgeq.queue (name) values ('plain') on conflict do nothing");
    await db.query(
      "insert into forgeq.job_type (type, queue, backoff) values ('plain', 'plain', '{}') on conflict do nothing",
    );
    expect(await again({ n: 3 })).toEqual([{ created: false }]);
    await expect(again({ n: 4 })).rejects.toMatchObject({ code: "FQ004" });
    expect(await db.query("select outcome from forgeq.retry($1, 1)", [dead])).toEqual([{ outcome: "retried" }]);
    expect(await getJob(db, dead, null)).toMatchObject({ state: "pending", payload: { n: 3 } });
  });

  it("leaves a newer schema alone", async () => {
    const { db } = await createTestDatabase();
    const folder = copy();
    writeFileSync(join(folder, "9999_more.sql"), "create table forgeq.more (id int);");
    await migrate(db, { folder });
    const before = await books(db);

    expect((await migrate(db)).applied).toEqual([]);
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
