import { randomUUID } from "node:crypto";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { migrate } from "../../../lib/db/schema/migrate.ts";
import { ROLES } from "../../../lib/db/schema/role-names.ts";
import { createTestDatabase } from "../../support/database/database.ts";
import { logIn, refusalOf } from "../../support/database/roles.ts";

const may = async (db: Db, role: string, signature: string): Promise<boolean> => {
  const [row] = await db.query<{ may: boolean }>("select has_function_privilege($1, $2, 'execute') as may", [
    role,
    signature,
  ]);
  return row!.may;
};

const CANCEL = "forgeq.cancel(uuid, timestamptz, text)";
const EXTEND = "forgeq.extend(uuid, uuid, float8, jsonb, timestamptz)";

const publicFunctions = async (db: Db): Promise<string[]> => {
  const rows = await db.query<{ name: string }>(`select p.proname as name from pg_proc p
    where p.pronamespace = 'forgeq'::regnamespace
      and (p.proacl is null or exists (select from aclexplode(p.proacl) x where x.grantee = 0))`);
  return rows.map(({ name }) => name);
};

/** Forgets that functions are applied, as an upgrade that changes all of them. */
const changeAll = (db: Db) => db.query("update forgeq.migration set checksum = 'old' where kind = 'function'");

/** A prefix of the test's own; its roles are dropped when it ends. */
const ownPrefix = (db: Db): string => {
  const prefix = `fq_${randomUUID().slice(0, 8)}`;
  onTestFinished(async () => {
    for (const role of ROLES) {
      const [there] = await db.query("select from pg_roles where rolname = $1", [`${prefix}_${role}`]);
      if (there === undefined) continue;
      await db.query(`drop owned by ${prefix}_${role}`);
      await db.query(`drop role ${prefix}_${role}`);
    }
  });
  return prefix;
};

/** The migrations, but for a function that another one replaces. */
const withAnotherExtend = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "forgeq-migrations-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  cpSync(fileURLToPath(new URL("../../../migrations", import.meta.url)), folder, { recursive: true });
  const other = "create function forgeq.extend(n int) returns int language sql security definer as 'select n'";
  writeFileSync(join(folder, "functions", "extend.sql"), `drop function forgeq.extend; ${other};`);
  return folder;
};

describe("migrate", () => {
  it("leaves no function to PUBLIC, whatever was dropped and made again since", async () => {
    const { db } = await createTestDatabase();
    expect(await publicFunctions(db)).toEqual([]);
    await db.query("drop function forgeq.cancel");
    await changeAll(db);
    await db.query("create function forgeq.by_hand() returns int language sql as 'select 1'");
    expect(await publicFunctions(db)).toEqual(["by_hand"]);
    await migrate(db);
    expect(await publicFunctions(db)).toEqual([]);
    expect(await may(db, "forgeq_manage", CANCEL)).toBe(true);
    expect(await may(db, "forgeq_worker", CANCEL)).toBe(false);
  });

  it("keeps what an operator took away, also where the function or its signature is a new one", async () => {
    const s = await createTestDatabase();
    const { db } = s;
    await db.query(`revoke execute on function ${CANCEL} from forgeq_manage`);
    await db.query(`revoke execute on function ${EXTEND} from forgeq_worker`);
    await db.query("revoke select on forgeq.schedule from forgeq_read");
    await db.query("revoke update (paused) on forgeq.queue from forgeq_manage");
    await changeAll(db);
    for (let upgrades = 0; upgrades < 2; upgrades += 1) {
      await migrate(db, { folder: withAnotherExtend() });
      await changeAll(db);
      expect(await may(db, "forgeq_manage", CANCEL)).toBe(false);
      expect(await may(db, "forgeq_worker", "forgeq.extend(int)")).toBe(false);
      expect(await may(db, "forgeq_worker", "forgeq.release(uuid, uuid, text, jsonb, float8, timestamptz)")).toBe(true);
    }
    const manager = await logIn(s, ["manage"]);
    expect(await refusalOf(manager.db, "update forgeq.queue set paused = true where false")).toMatch(/^42501/);
    expect(await refusalOf(manager.db, "update forgeq.queue set max_pending = 1 where false")).toBeUndefined();
    const reader = await logIn(s, ["read"]);
    expect(await refusalOf(reader.db, "select from forgeq.schedule")).toMatch(/^42501/);

    await db.query(`grant execute on function ${CANCEL} to forgeq_manage`);
    await changeAll(db);
    await migrate(db);
    expect(await may(db, "forgeq_manage", CANCEL)).toBe(true);
  });

  it("grants everything to a role that was dropped and made again", async () => {
    const { db } = await createTestDatabase();
    const rolePrefix = ownPrefix(db);
    await migrate(db, { rolePrefix });
    expect(await may(db, `${rolePrefix}_worker`, EXTEND)).toBe(true);
    await db.query(`drop owned by ${rolePrefix}_worker`);
    await db.query(`drop role ${rolePrefix}_worker`);
    await migrate(db, { rolePrefix });
    expect(await may(db, `${rolePrefix}_worker`, EXTEND)).toBe(true);
  });

  it("takes a privilege back that this version gives no longer, and all of the roles of another prefix", async () => {
    const { db } = await createTestDatabase();
    await db.query("grant execute on function forgeq.pick to forgeq_read");
    await db.query("insert into forgeq.role_privilege values ('forgeq_read', 'execute', 'pick')");
    const rolePrefix = ownPrefix(db);
    await migrate(db, { rolePrefix });
    const held = await db.query(
      "select has_function_privilege('forgeq_read', p.oid, 'execute') as may from pg_proc p where p.proname = 'pick'",
    );
    expect(held).toEqual([{ may: false }]);
    expect(await may(db, "forgeq_worker", EXTEND)).toBe(false);
    expect(await may(db, `${rolePrefix}_worker`, EXTEND)).toBe(true);
    const [usage] = await db.query("select has_schema_privilege('forgeq_worker', 'forgeq', 'usage') as may");
    expect(usage).toEqual({ may: false });
  });

  it("gives the SQL of the roles that it may not make, and grants them once they are there", async () => {
    const admin = await createTestDatabase({ empty: true });
    const rolePrefix = ownPrefix(admin.db);
    const owner = await logIn(admin, []);
    await admin.db.query(`grant create on database ${new URL(admin.url).pathname.slice(1)} to ${owner.name}`);
    const migrated = await migrate(owner.db, { rolePrefix });
    expect(migrated.missingRoles).toEqual(ROLES.map((role) => `create role ${rolePrefix}_${role} nologin`));
    expect(await publicFunctions(admin.db)).toEqual([]);
    for (const sql of migrated.missingRoles ?? []) await admin.db.query(sql);
    expect(await migrate(owner.db, { rolePrefix })).toEqual({ applied: [], dryRun: false });
    expect(await may(admin.db, `${rolePrefix}_worker`, EXTEND)).toBe(true);
    expect(await refusalOf(owner.db, "select * from forgeq.recover(at => now())")).toBeUndefined();
  });

  it("is held up by no lock that a stranger can take", async () => {
    const s = await createTestDatabase();
    const stranger = await logIn(s, ["stranger"], 1);
    await stranger.db.query("select pg_advisory_lock(hashtextextended('forgeq.migrate', 0))");
    await stranger.db.query("select pg_advisory_lock(hashtextextended('forgeq.ensure_partitions', 0))");
    expect(
      await refusalOf(stranger.db, "do $$ begin lock table forgeq.migration in share update exclusive mode; end $$"),
    ).toMatch(/^42501/);
    await changeAll(s.db);
    expect((await migrate(s.db)).applied.length).toBeGreaterThan(50);
    expect(await s.db.query("select forgeq.ensure_partitions(10) as made")).toEqual([{ made: 4 }]);
  });

  it("refuses a prefix that no role's name can begin with, and changes nothing", async () => {
    const { db } = await createTestDatabase({ empty: true });
    for (const rolePrefix of ["", "1a", "A", "a b", 'a"; drop schema public; --', "a".repeat(41)])
      await expect(migrate(db, { rolePrefix })).rejects.toThrow(/FORGEQ_ROLE_PREFIX/);
    expect(await db.query("select from pg_namespace where nspname = 'forgeq'")).toEqual([]);
  });
});
