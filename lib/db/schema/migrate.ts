import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ForgeqError } from "../../core/errors.ts";
import type { Db, Sql } from "../drivers/client.ts";
import { sqlState } from "../drivers/failure.ts";
import { type LockHolder, SHORT_WAITS, whenLocksAreFree } from "./free-locks.ts";
import { grantPrivileges, readPrivileges, ROLE_PREFIX } from "./roles.ts";

interface MigrationFile {
  /** `0001_tables.sql`, or `functions/claim.sql`. */
  readonly name: string;
  readonly kind: "migration" | "function";
  readonly sql: string;
  readonly checksum: string;
}

export interface Migrated {
  /** What was applied, or with `dryRun` would be: tables first, in order, then functions. */
  readonly applied: readonly string[];
  readonly dryRun: boolean;
  /** The SQL with which an administrator makes the group roles that are missing, because the caller may not; absent when there are all. */
  readonly missingRoles?: readonly string[];
  /** The database is newer than this code: what made it, a version or a table file that this code lacks. */
  readonly newer?: string;
}

export interface MigrateOptions {
  readonly dryRun?: boolean;
  /** Puts this code's functions over newer ones. */
  readonly force?: boolean;
  /** Of this code; the package's own unless given. */
  readonly version?: string;
  /** Told of each transaction that holds a lock which this waits for. */
  readonly onWait?: (holder: LockHolder) => void;
  /** The folder with the SQL; the package's own unless given. */
  readonly folder?: string;
  /** What the names of the group roles begin with; `forgeq` unless given. */
  readonly rolePrefix?: string;
}

/** The package's migrations folder, from the sources as well as from the built package. */
const packageFolder = (): string => {
  for (let at = dirname(fileURLToPath(import.meta.url)); dirname(at) !== at; at = dirname(at)) {
    if (existsSync(join(at, "migrations", "functions")) && existsSync(join(at, "package.json")))
      return join(at, "migrations");
  }
  throw new ForgeqError("internal", "the migrations folder is missing from this installation");
};

const readFolder = async (folder: string, kind: MigrationFile["kind"], prefix: string): Promise<MigrationFile[]> => {
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith(".sql")).sort();
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(join(folder, name), "utf8");
      return { name: prefix + name, kind, sql, checksum: createHash("sha256").update(sql).digest("hex") };
    }),
  );
};

const readFiles = async (folder: string): Promise<MigrationFile[]> => [
  ...(await readFolder(folder, "migration", "")),
  ...(await readFolder(join(folder, "functions"), "function", "functions/")),
];

/** Names the schema that `migrate` makes: it changes with any of its files. */
export const schemaFingerprint = async (): Promise<string> => {
  const checksums = (await readFiles(packageFolder())).map(({ name, checksum }) => `${name} ${checksum}`);
  return createHash("sha256").update(checksums.join("\n")).digest("hex").slice(0, 16);
};

// Not an advisory lock: anybody who can connect may hold one.
const ONE_AT_A_TIME = `/* forgeq:migrate_lock */
lock table forgeq.migration in share row exclusive mode`;

const BOOKS_EXIST = `/* forgeq:migrate_books */
select to_regclass('forgeq.migration') is not null as found`;

const HAS_SCHEMA = `/* forgeq:migrate_schema */
select to_regnamespace('forgeq') is not null as found`;

// Postgres asks for the right to make a schema before it looks whether there is one.
const CREATE_SCHEMA = `/* forgeq:migrate_create_schema */
create schema if not exists forgeq`;

const OPEN_BOOKS = `/* forgeq:migrate_open */
create table if not exists forgeq.migration (
  name text primary key,
  kind text not null,
  checksum text not null,
  version text not null,
  applied_at timestamptz not null default now()
)`;

const APPLIED = `/* forgeq:migrate_applied */
select m.name, m.kind, m.checksum, coalesce(to_jsonb(m) ->> 'version', '0') as version from forgeq.migration m`;

const RECORD = `/* forgeq:migrate_record */
insert into forgeq.migration (name, kind, checksum, version) values ($1, $2, $3, $4)
on conflict (name) do update set checksum = excluded.checksum, version = excluded.version, applied_at = now()`;

const booksExist = async (sql: Sql): Promise<boolean> =>
  (await sql.query<{ found: boolean }>(BOOKS_EXIST))[0]?.found === true;

const openBooks = async (tx: Sql): Promise<void> => {
  const [schema] = await tx.query<{ found: boolean }>(HAS_SCHEMA);
  if (schema?.found !== true) await tx.query(CREATE_SCHEMA);
  await tx.query(OPEN_BOOKS);
};

interface AppliedFile {
  readonly name: string;
  readonly kind: MigrationFile["kind"];
  readonly checksum: string;
  /** Of the code that applied it. */
  readonly version: string;
}

const readApplied = async (sql: Sql): Promise<readonly AppliedFile[]> =>
  (await booksExist(sql)) ? sql.query<AppliedFile>(APPLIED) : [];

const readBooks = async (sql: Sql): Promise<ReadonlyMap<string, string>> =>
  new Map((await readApplied(sql)).map((row) => [row.name, row.checksum]));

/** Is one version, as of a package, above another one? What follows the three numbers is not compared. */
const isAbove = (version: string, other: string): boolean => {
  const [of, than] = [version, other].map((each) => each.split("-", 1)[0]!.split(".").map(Number));
  const differs = of!.findIndex((part, n) => part !== than![n]);
  return differs >= 0 && of![differs]! > (than![differs] ?? 0);
};

/** What shows that newer code has made the database; undefined where nothing does. */
const newerThan = async (sql: Sql, files: readonly MigrationFile[], version: string): Promise<string | undefined> => {
  const applied = await readApplied(sql);
  const above = applied.find((file) => isAbove(file.version, version));
  if (above !== undefined) return `version ${above.version}`;
  return applied.find(({ name, kind }) => kind === "migration" && files.every((file) => file.name !== name))?.name;
};

const packageVersion = async (folder: string): Promise<string> =>
  (JSON.parse(await readFile(join(dirname(folder), "package.json"), "utf8")) as { version: string }).version;

/**
 * Before the first release the first file was edited, so a database may have been made by another text of it, or by the files that it replaced. Nothing
 * upgrades such a database.
 */
const isOfOtherShape = (applied: ReadonlyMap<string, string>, [first]: readonly MigrationFile[]): boolean =>
  applied.size > 0 && first !== undefined && applied.get(first.name) !== first.checksum;

/** Files that the database lacks, and functions that changed. A table file that changed after it was applied is an error. */
const pendingFiles = async (sql: Sql, files: readonly MigrationFile[]): Promise<MigrationFile[]> => {
  const applied = await readBooks(sql);
  if (isOfOtherShape(applied, files)) {
    throw new ForgeqError(
      "schema_outdated",
      `the tables of this database were made by an unreleased version of ForgeQ, by another text of ${files[0]?.name}, and can't be upgraded: ` +
        "use another database, or drop these tables together with their jobs (drop schema forgeq cascade), then run forgeq migrate",
    );
  }
  const edited = files.find(
    (file) => file.kind === "migration" && applied.has(file.name) && applied.get(file.name) !== file.checksum,
  );
  if (edited !== undefined) {
    throw new ForgeqError(
      "schema_outdated",
      `${edited.name} was changed after it was applied: migrations are forward only, add a new one`,
    );
  }
  return files.filter((file) => applied.get(file.name) !== file.checksum);
};

/** Were this database's tables made by an unreleased version of ForgeQ, which `migrate` refuses to upgrade? */
export const isUnreleased = async (sql: Sql): Promise<boolean> =>
  isOfOtherShape(await readBooks(sql), await readFiles(packageFolder()));

/** Two first calls open the books of one database: the second one waits for the first, and then finds them there. */
const OPENED_MEANWHILE = new Set(["23505", "42P06", "42P07"]);

/**
 * Brings the database's schema to this code's, in one transaction and one caller at a time: tables once and in order,
 * functions whenever their text has changed, then the history's partitions and what each role may do. A lock that is not free is waited for in short
 * tries, so that nobody else waits behind them. Newer code's functions stay as they are, unless `force` is given.
 *
 * @throws {ForgeqError} `illegal_state` - newer code has made the database; nothing was changed
 * @throws {ForgeqError} `schema_outdated` - the database was made by an unreleased version, or a file that is applied was edited; nothing was changed
 */
export const migrate = async (
  db: Db,
  { dryRun = false, force = false, folder = packageFolder(), rolePrefix = ROLE_PREFIX, ...given }: MigrateOptions = {},
): Promise<Migrated> => {
  const files = await readFiles(folder);
  const version = given.version ?? (await packageVersion(packageFolder()));
  if (dryRun) {
    const pending = await pendingFiles(db, files);
    const newer = await newerThan(db, files, version);
    return { applied: pending.map((file) => file.name), dryRun, ...(newer !== undefined && { newer }) };
  }
  const apply = () =>
    db.transaction(async (tx): Promise<Migrated> => {
      await tx.query(SHORT_WAITS);
      if (!(await booksExist(tx))) await openBooks(tx);
      await tx.query(ONE_AT_A_TIME);
      const pending = await pendingFiles(tx, files);
      const newer = await newerThan(tx, files, version);
      if (newer !== undefined && !force)
        throw new ForgeqError(
          "illegal_state",
          `the database was made by newer code (${newer}) than this (version ${version}): migrate with the newer one, or put these functions over its with --force`,
        );
      const privileges = await readPrivileges(tx, rolePrefix);
      for (const file of pending) {
        await tx.query(file.sql);
        await tx.query(RECORD, [file.name, file.kind, file.checksum, version]);
      }
      if (files.some((file) => file.name === "functions/ensure_partitions.sql"))
        await tx.query("select forgeq.ensure_partitions()");
      const { missing } = await grantPrivileges(tx, rolePrefix, privileges);
      return {
        applied: pending.map((file) => file.name),
        dryRun,
        ...(missing.length > 0 && { missingRoles: missing }),
      };
    });
  return whenLocksAreFree(
    db,
    () =>
      apply().catch((error: unknown) => {
        if (!OPENED_MEANWHILE.has(sqlState(error) ?? "")) throw error;
        return apply();
      }),
    given.onWait,
  );
};
