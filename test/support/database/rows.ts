import type { Db } from "../../../lib/db/drivers/client.ts";

const TABLES = `select relname as name from pg_class
where relnamespace = 'forgeq'::regnamespace and relkind in ('r', 'p') and not relispartition and relname <> 'migration'
order by relname`;

/** Every row of every table of ForgeQ's, as text: two equal answers mean that nothing changed in between. */
export const allRows = async (db: Db): Promise<Record<string, string[]>> => {
  const tables = await db.query<{ name: string }>(TABLES);
  const entries = tables.map(async ({ name }): Promise<[string, string[]]> => {
    const rows = await db.query<{ row: string }>(`select to_jsonb(t)::text as row from forgeq.${name} t order by 1`);
    return [name, rows.map(({ row }) => row)];
  });
  return Object.fromEntries(await Promise.all(entries));
};

/** Rows by table. */
export const rowCounts = async (db: Db): Promise<Record<string, number>> =>
  Object.fromEntries(Object.entries(await allRows(db)).map(([name, rows]) => [name, rows.length]));
