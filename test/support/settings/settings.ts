import pg from "pg";
import { onTestFinished } from "vitest";
import { connectDb } from "../../../lib/db/drivers/connect.ts";

/** What a database, a role or an application can set, which must change nothing of what ForgeQ answers. */
export interface Setting {
  readonly name: string;
  /** `alter database NAME set` of each. */
  readonly database?: readonly string[];
  /** Types of Postgres whose text the application reads otherwise, for its whole process. */
  readonly parsers?: Readonly<Record<number, (text: string) => unknown>>;
  readonly encoding?: string;
  /** What `forgeq doctor` finds that is not well, by the names of its checks. */
  readonly doctor?: readonly string[];
}

type Parsers = NonNullable<Setting["parsers"]>;

/** bool, int8, json, uuid, int4, arrays, timestamptz, numeric, jsonb. */
const AS_TEXT: Parsers = Object.fromEntries(
  [16, 20, 23, 114, 701, 1007, 1009, 1184, 1700, 2950, 2951, 3802].map((oid) => [oid, (text: string) => text]),
);

const wrapped = (text: string) => ({ wrapped: text });
const capitals = (text: string) => text.toUpperCase();
const renamed = (text: string): unknown => JSON.parse(text.toUpperCase());

const AS_OTHERS: Parsers = {
  ...{ 16: (text) => (text === "t" ? "yes" : "no"), 20: BigInt, 23: wrapped, 114: renamed, 701: wrapped },
  ...{ 1184: wrapped, 1700: Number, 2950: capitals, 3802: renamed },
};

const ISOLATED = { doctor: ["settings"] };

const set = (...statements: readonly string[]): Setting => ({ name: statements.join(", "), database: statements });

/** Each value is in one of them at least. */
export const SETTINGS: readonly Setting[] = [
  set("datestyle = 'German, DMY'", "intervalstyle = 'sql_standard'", "timezone = 'Asia/Kolkata'"),
  set("datestyle = 'SQL, DMY'", "intervalstyle = 'postgres_verbose'", "timezone = 'America/St_Johns'"),
  set("datestyle = 'SQL, MDY'", "intervalstyle = 'iso_8601'"),
  set("datestyle = 'Postgres, DMY'", "timezone = 'Asia/Kolkata'"),
  { ...set("default_transaction_isolation = 'repeatable read'"), ...ISOLATED },
  { ...set("default_transaction_isolation = 'serializable'"), ...ISOLATED },
  set(
    "search_path = 'nosuch'",
    "bytea_output = 'escape'",
    "extra_float_digits = -15",
    "array_nulls = off",
    "quote_all_identifiers = on",
  ),
  set(
    "statement_timeout = '8s'",
    "lock_timeout = '2s'",
    "idle_in_transaction_session_timeout = '2s'",
    "idle_session_timeout = '1s'",
  ),
  { name: "the encoding LATIN1", encoding: "LATIN1", doctor: ["settings"] },
  { name: "parsers that give texts", parsers: AS_TEXT },
  { name: "parsers that give something else", parsers: AS_OTHERS },
  {
    name: "everything together",
    database: [
      "datestyle = 'German, DMY'",
      "intervalstyle = 'sql_standard'",
      "timezone = 'Asia/Kolkata'",
      "default_transaction_isolation = 'serializable'",
      "search_path = 'nosuch'",
      "bytea_output = 'escape'",
      "extra_float_digits = -15",
    ],
    parsers: AS_OTHERS,
    ...ISOLATED,
  },
];

/** Makes a setting that of the next sessions, and of this process, until the test ends. */
export const apply = async (url: string, { database: statements = [], parsers = {} }: Setting): Promise<void> => {
  const db = await connectDb({ url, max: 1 });
  const name = new URL(url).pathname.slice(1);
  for (const statement of statements) await db.query(`alter database ${name} set ${statement}`);
  await db.close();
  for (const [oid, parse] of Object.entries(parsers)) {
    const before = pg.types.getTypeParser(Number(oid)) as (text: string) => unknown;
    pg.types.setTypeParser(Number(oid), parse);
    onTestFinished(() => pg.types.setTypeParser(Number(oid), before));
  }
};
