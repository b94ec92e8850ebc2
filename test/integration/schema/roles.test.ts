import { describe, expect, it } from "vitest";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { FUNCTIONS, type Privilege, PRIVILEGES } from "../../../lib/db/schema/privileges.ts";
import { TABLES } from "../../../lib/db/schema/table-privileges.ts";
import { createTestDatabase } from "../../support/database/database.ts";
import { setup } from "../../support/queue.ts";
import { logIn, type Part, PARTS, refusalOf } from "../../support/database/roles.ts";

const VERBS = ["select", "insert", "update", "delete"] as const;

interface DatabaseFunction {
  readonly name: string;
  /** Of its arguments, in order. */
  readonly types: readonly string[];
  /** From 0; -1 without one. */
  readonly at: number;
  readonly isTrigger: boolean;
}

const functionsOf = (db: Db): Promise<DatabaseFunction[]> =>
  db.query<DatabaseFunction>(`select p.proname as name, p.prorettype = 'trigger'::regtype as "isTrigger",
    array(select format_type(t, null) from unnest(p.proargtypes) with ordinality as a(t, n) order by n) as types,
    coalesce(array_position(p.proargnames, 'at'), 0) - 1 as at
  from pg_proc p where p.pronamespace = 'forgeq'::regnamespace order by 1`);

/** A call with nulls; a sub-select, because Postgres does not even look whether it may call a strict function with a constant null. */
const callOf = ({ name, types }: DatabaseFunction, at?: number): string =>
  `select * from forgeq.${name}(${types.map((type, n) => (n === at ? "(select now())" : `(select null::${type})`)).join(", ")})`;

interface Relation {
  readonly name: string;
  readonly isView: boolean;
  readonly columns: readonly string[];
}

const relationsOf = (db: Db): Promise<Relation[]> =>
  db.query<Relation>(`select c.relname as name, c.relkind = 'v' as "isView",
    array(select t.attname::text from pg_attribute t where t.attrelid = c.oid and t.attnum > 0 and not t.attisdropped order by t.attnum) as columns
  from pg_class c where c.relnamespace = 'forgeq'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition order by 1`);

/** The columns that a part may name in this verb. */
const allowed = (part: Part, verb: Privilege["verb"], { name, columns }: Relation): readonly string[] =>
  columns.filter((column) =>
    PRIVILEGES.some(
      (each) => each.role === part && each.verb === verb && [name, `${name}.${column}`].includes(each.object),
    ),
  );

const statementOf = (verb: (typeof VERBS)[number], table: string, column: string): string =>
  ({
    select: `select ${column} from forgeq.${table} limit 1`,
    insert: `insert into forgeq.${table} (${column}) overriding system value select null where false`,
    update: `update forgeq.${table} set ${column} = default where false`,
    delete: `delete from forgeq.${table} where false`,
  })[verb];

const DENIED = /^42501 permission denied for (function|table|view|schema)/;

describe("what a role may do", () => {
  it("is said of every function and every table, and of no other", async () => {
    const { db } = await createTestDatabase();
    const functions = [...new Set((await functionsOf(db)).map(({ name }) => name))];
    expect(Object.keys(FUNCTIONS).sort()).toEqual(functions.sort());
    expect(Object.keys(TABLES).sort()).toEqual((await relationsOf(db)).map(({ name }) => name).sort());
  });

  it.each(PARTS)("is to call these functions and no other: %s", { timeout: 60_000 }, async (part) => {
    const s = await createTestDatabase();
    const { db } = await logIn(s, [part], 1);
    const called: Record<string, string> = {};
    const expected: Record<string, string> = {};
    for (const each of await functionsOf(s.db)) {
      const may = PRIVILEGES.some(
        ({ role, verb, object }) => role === part && verb === "execute" && object === each.name,
      );
      expected[each.name] = may ? "yes" : "no";
      if (each.isTrigger) {
        const [row] = await db.query<{ may: boolean }>(
          "select has_function_privilege(('forgeq.' || $1)::regproc, 'execute') as may",
          [each.name],
        );
        called[each.name] = row?.may === true ? "yes" : "no";
        continue;
      }
      const refusal = (await refusalOf(db, callOf(each))) ?? "";
      called[each.name] = DENIED.test(refusal) ? "no" : refusal.startsWith("42501") ? refusal : "yes";
    }
    expect(called).toEqual(expected);
    expect(Object.keys(called).length).toBeGreaterThan(50);
  });

  it.each(PARTS)("is to read and write these columns and no other: %s", { timeout: 60_000 }, async (part) => {
    const s = await createTestDatabase();
    const { db } = await logIn(s, [part], 1);
    const done: Record<string, readonly string[]> = {};
    const expected: Record<string, readonly string[]> = {};
    for (const relation of await relationsOf(s.db)) {
      for (const verb of VERBS) {
        // Nobody writes to a view.
        if (relation.isView && verb !== "select") continue;
        const cell = `${verb} ${relation.name}`;
        expected[cell] = allowed(part, verb, relation);
        const may: string[] = [];
        for (const column of relation.columns) {
          const refusal = (await refusalOf(db, statementOf(verb, relation.name, column))) ?? "";
          if (!DENIED.test(refusal)) may.push(column);
        }
        done[cell] = may;
      }
      if (!relation.isView) expect(await refusalOf(db, `truncate forgeq.${relation.name}`)).toMatch(DENIED);
    }
    expect(done).toEqual(expected);
  });

  it.each(PARTS)("is nothing with a partition, and no object of its own: %s", async (part) => {
    const s = await createTestDatabase();
    const { db } = await logIn(s, [part], 1);
    const partitions = await s.db.query<{ name: string }>(
      "select c.relname as name from pg_class c where c.relnamespace = 'forgeq'::regnamespace and c.relispartition and c.relkind = 'r'",
    );
    expect(partitions.length).toBeGreaterThan(10);
    for (const { name } of partitions) expect(await refusalOf(db, `select from forgeq.${name}`)).toMatch(DENIED);
    expect(await refusalOf(db, "create table forgeq.own (n int)")).toMatch(DENIED);
    expect(await refusalOf(db, "create function forgeq.own() returns int language sql as 'select 1'")).toMatch(DENIED);
  });
});

describe("the instant `at`", () => {
  it.each(PARTS)("is the owner's alone in every function that has one: not of %s", async (part) => {
    const s = await setup();
    const { db } = await logIn(s, [part], 1);
    const timed = (await functionsOf(s.db)).filter(({ name, at }) => at >= 0 && name !== "as_owner");
    expect(timed.length).toBeGreaterThan(20);
    for (const each of timed) expect((await refusalOf(db, callOf(each, each.at))) ?? "", each.name).toMatch(/^42501 /);
    const mine = timed.filter(({ name }) => FUNCTIONS[name]?.some((role) => role === part) === true);
    for (const each of mine)
      expect(await refusalOf(db, callOf(each, each.at)), each.name).toBe(
        "42501 forgeq: only the owner of the schema sets the time",
      );
  });

  it("is the owner's, and no longer after it has set its role to another one", async () => {
    const s = await createTestDatabase({ max: 1 });
    const timed = (await functionsOf(s.db)).filter(({ name, at }) => at >= 0 && name !== "as_owner");
    for (const each of timed)
      expect((await refusalOf(s.db, callOf(each, each.at))) ?? "", each.name).not.toMatch(/^42501/);
    await s.db.query("set role forgeq_worker");
    expect(await refusalOf(s.db, "select * from forgeq.recover(at => now() + interval '30 days')")).toMatch(/^42501/);
    expect(await refusalOf(s.db, "select * from forgeq.purge(5000, '2100-01-01')")).toMatch(/^42501/);
    expect(await refusalOf(s.db, "select * from forgeq.recover()")).toBeUndefined();
    await s.db.query("reset role");
    expect(await refusalOf(s.db, "select * from forgeq.recover(at => now())")).toBeUndefined();
  });
});
