import type { Sql } from "../../../lib/db/drivers/client.ts";

interface Plan {
  readonly "QUERY PLAN": readonly [{ readonly Plan: Readonly<Record<string, number>> }];
}

/** What a statement touched, and every statement inside it: buffers of tables and indexes, and blocks of temporary files. */
export const buffersOf = async (
  sql: Sql,
  statement: string,
  params: readonly unknown[] = [],
): Promise<{ readonly buffers: number; readonly temporary: number }> => {
  const [row] = await sql.query<Plan>(`explain (analyze, buffers, timing off, format json) ${statement}`, params);
  const plan = row!["QUERY PLAN"][0].Plan;
  const sum = (...names: string[]) => names.reduce((total, name) => total + (plan[name] ?? 0), 0);
  return {
    buffers: sum("Shared Hit Blocks", "Shared Read Blocks"),
    temporary: sum("Temp Read Blocks", "Temp Written Blocks"),
  };
};
