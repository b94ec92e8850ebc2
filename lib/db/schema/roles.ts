import { ForgeqError } from "../../core/errors.ts";
import type { Sql } from "../drivers/client.ts";
import { FUNCTIONS, type Privilege, PRIVILEGES } from "./privileges.ts";
import { type Role, ROLES } from "./role-names.ts";
import { TABLES } from "./table-privileges.ts";

export type { Role };

/** What every role's name begins with, unless another prefix is given. */
export const ROLE_PREFIX = "forgeq";

const PREFIX = /^[a-z_][a-z0-9_]{0,39}$/;

/** The name of a group role. @throws {ForgeqError} `internal` where the prefix can't be one */
export const roleName = (prefix: string, role: Role): string => {
  if (!PREFIX.test(prefix))
    throw new ForgeqError(
      "internal",
      "FORGEQ_ROLE_PREFIX is at most 40 lower-case letters, digits and underscores, and begins with no digit",
    );
  return `${prefix}_${role}`;
};

/** Something that a role of the database may do, as `Privilege`, by the role's own name. */
interface Held extends Omit<Privilege, "role"> {
  readonly role: string;
}

/** The privileges of the schema at an instant. */
export interface Privileges {
  /** What roles hold of their own, not through PUBLIC or another role. */
  readonly held: readonly Held[];
  /** What migrate has granted before; what of it is not held any more, an operator has taken away. */
  readonly granted: readonly Held[];
  /** The functions and tables that are there, with the signatures of the functions. */
  readonly objects: ReadonlyMap<string, readonly string[]>;
}

const HELD = `/* forgeq:privileges_held */
select r.rolname as role, lower(a.privilege_type) as verb, a.object
from (
  select x.grantee, x.privilege_type, 'forgeq' as object
  from pg_namespace n, aclexplode(n.nspacl) x where n.nspname = 'forgeq'
  union
  select x.grantee, x.privilege_type, p.proname::text
  from pg_proc p, aclexplode(p.proacl) x where p.pronamespace = to_regnamespace('forgeq')
  union
  select x.grantee, x.privilege_type, c.relname::text
  from pg_class c, aclexplode(c.relacl) x where c.relnamespace = to_regnamespace('forgeq')
  union
  select x.grantee, x.privilege_type, c.relname || '.' || t.attname
  from pg_class c join pg_attribute t on t.attrelid = c.oid, aclexplode(t.attacl) x where c.relnamespace = to_regnamespace('forgeq')) a
join pg_roles r on r.oid = a.grantee
where r.rolname = any ($1::text[]) or r.rolname in (select role from forgeq.role_privilege)`;

const OPEN_BOOK = `/* forgeq:privileges_book */
create table if not exists forgeq.role_privilege (
  role text not null,
  verb text not null,
  object text not null,
  primary key (role, verb, object)
)`;

const GRANTED = `/* forgeq:privileges_granted */
select role, verb, object from forgeq.role_privilege`;

const OBJECTS = `/* forgeq:privileges_objects */
select p.proname as name, format('forgeq.%I(%s)', p.proname, pg_get_function_identity_arguments(p.oid)) as signature
from pg_proc p where p.pronamespace = 'forgeq'::regnamespace
union all
select c.relname, null from pg_class c where c.relnamespace = 'forgeq'::regnamespace and c.relkind in ('r', 'p', 'v')`;

/** The signatures of each function's overloads, and none for a table. */
const readObjects = async (sql: Sql): Promise<ReadonlyMap<string, readonly string[]>> => {
  const rows = await sql.query<{ name: string; signature: string | null }>(OBJECTS);
  return new Map(
    [...Map.groupBy(rows, ({ name }) => name)].map(([name, all]) => [
      name,
      all.map(({ signature }) => signature).filter((signature) => signature !== null),
    ]),
  );
};

const tableOf = (object: string): string => object.split(".")[0] ?? "";

/** What the roles may do now. The books of `migrate` are open. */
export const readPrivileges = async (sql: Sql, prefix: string): Promise<Privileges> => {
  await sql.query(OPEN_BOOK);
  const names = ROLES.map((role) => roleName(prefix, role));
  return {
    held: await sql.query<Held>(HELD, [names]),
    granted: await sql.query<Held>(GRANTED),
    objects: await readObjects(sql),
  };
};

const PUBLIC_FUNCTIONS = `/* forgeq:public_functions */
select exists (
  select from pg_proc p
  where p.pronamespace = 'forgeq'::regnamespace
    and (p.proacl is null or exists (select from aclexplode(p.proacl) x where x.grantee = 0))) as found`;

/** A function is everybody's when it is made. A default for one schema can only add to that, so each migrate takes it back before it commits. */
const takeFromPublic = async (sql: Sql): Promise<void> => {
  const [functions] = await sql.query<{ found: boolean }>(PUBLIC_FUNCTIONS);
  if (functions?.found === true) await sql.query("revoke execute on all functions in schema forgeq from public");
};

const THERE = `/* forgeq:roles_there */
select rolname as name from pg_roles where rolname = any ($1::text[])`;

const createRole = (name: string): string => `create role ${name} nologin`;

/** Makes the roles, where the caller may, and gives the names of those that are there. Somebody may make them in another database meanwhile. */
const makeRoles = async (sql: Sql, names: readonly string[]): Promise<ReadonlySet<string>> => {
  const there = async () => new Set((await sql.query<{ name: string }>(THERE, [names])).map(({ name }) => name));
  const before = await there();
  const missing = names.filter((name) => !before.has(name));
  if (missing.length === 0) return before;
  for (const name of missing)
    await sql.query(`do $$ begin
  ${createRole(name)};
exception when insufficient_privilege or duplicate_object or unique_violation then null;
end $$`);
  return there();
};

const keyOf = ({ role, verb, object }: Held): string => `${role} ${verb} ${object}`;

/** `table` or `table(column)`, as grant and revoke take them after the verb. */
const onTable = (verb: string, object: string): string => {
  const [table, column] = object.split(".");
  return column === undefined ? `${verb} on forgeq.${table}` : `${verb} (${column}) on forgeq.${table}`;
};

/** The privileges as what stands between `grant` and `to`; several functions or tables in one where they can be. */
const clausesOf = (privileges: readonly Held[], signatures: ReadonlyMap<string, readonly string[]>): string[] => {
  const of = (verb: string) => privileges.filter((each) => each.verb === verb).map(({ object }) => object);
  const functions = of("execute").flatMap((name) => signatures.get(name) ?? []);
  return [
    ...of("usage").map(() => "usage on schema forgeq"),
    ...(functions.length > 0 ? [`execute on function ${functions.join(", ")}`] : []),
    ...["select", "insert", "update", "delete"].flatMap((verb) => {
      const tables = of(verb).filter((object) => !object.includes("."));
      return [
        ...(tables.length > 0 ? [`${verb} on ${tables.map((table) => `forgeq.${table}`).join(", ")}`] : []),
        ...of(verb)
          .filter((object) => object.includes("."))
          .map((object) => onTable(verb, object)),
      ];
    }),
  ];
};

const RECORD = `/* forgeq:privileges_record */
insert into forgeq.role_privilege (role, verb, object)
select role, verb, object from jsonb_to_recordset($1::jsonb) as p(role text, verb text, object text)
on conflict do nothing`;

const FORGET = `/* forgeq:privileges_forget */
delete from forgeq.role_privilege b
using jsonb_to_recordset($1::jsonb) as p(role text, verb text, object text)
where b.role = p.role and b.verb = p.verb and b.object = p.object`;

/** Does this version know the object? What a newer one has made stays as it is. */
const isKnown = ({ verb, object }: Held): boolean =>
  verb === "usage" || (verb === "execute" ? object in FUNCTIONS : tableOf(object) in TABLES);

/**
 * Takes every function from PUBLIC, makes the group roles where the caller may, and grants them what privileges.ts and table-privileges.ts say. What it granted before
 * and an operator took away stays away; but a role that has lost everything was dropped and made again, and so was what is not there at all.
 *
 * @param before - what `readPrivileges` gave before any function was made again
 * @returns the SQL with which an administrator makes the roles that are missing
 */
export const grantPrivileges = async (
  sql: Sql,
  prefix: string,
  before: Privileges,
): Promise<{ readonly missing: readonly string[] }> => {
  await takeFromPublic(sql);
  const names = ROLES.map((role) => roleName(prefix, role));
  const there = await makeRoles(sql, names);
  const objects = await readObjects(sql);
  const held = new Set(before.held.map(keyOf));
  const granted = new Set(before.granted.map(keyOf));
  const alive = new Set(before.held.map(({ role }) => role));
  const wanted = PRIVILEGES.map((each): Held => ({ ...each, role: roleName(prefix, each.role) })).filter(
    ({ role, verb, object }) => there.has(role) && (verb === "usage" || objects.has(tableOf(object))),
  );
  const takenAway = (each: Held): boolean =>
    alive.has(each.role) &&
    granted.has(keyOf(each)) &&
    !held.has(keyOf(each)) &&
    (each.verb === "usage" || before.objects.has(tableOf(each.object)));
  const given = wanted.filter((each) => !takenAway(each));
  const isWanted = new Set(wanted.map(keyOf));
  const dropped = before.granted.filter((each) => isKnown(each) && !isWanted.has(keyOf(each)));

  for (const [role, privileges] of Map.groupBy(given, (each) => each.role))
    for (const clause of clausesOf(privileges, objects)) await sql.query(`grant ${clause} to ${role}`);
  const taken = dropped.filter((each) => held.has(keyOf(each)));
  for (const [role, privileges] of Map.groupBy(taken, (each) => each.role))
    for (const clause of clausesOf(privileges, objects)) await sql.query(`revoke ${clause} from ${role}`);
  await sql.query(RECORD, [JSON.stringify(wanted)]);
  await sql.query(FORGET, [JSON.stringify(dropped)]);
  return { missing: names.filter((name) => !there.has(name)).map(createRole) };
};
