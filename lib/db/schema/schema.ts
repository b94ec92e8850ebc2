import type { Sql } from "../drivers/client.ts";

/** The newest table migration that this code needs; a test compares it with the folder, which a Lambda bundle has not. */
export const SCHEMA_VERSION = "0001_tables.sql";

const BOOKS_EXIST = `/* forgeq:schema_books */
select to_regclass('forgeq.migration') is not null as found`;

const HAS_VERSION = `/* forgeq:schema_version */
select exists (select from forgeq.migration where name = $1) as found`;

/** Is the database's schema at least this code's? */
export const isMigrated = async (sql: Sql): Promise<boolean> => {
  const [books] = await sql.query<{ found: boolean }>(BOOKS_EXIST);
  if (books?.found !== true) return false;
  const [version] = await sql.query<{ found: boolean }>(HAS_VERSION, [SCHEMA_VERSION]);
  return version?.found === true;
};
