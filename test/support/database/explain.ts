import type { Sql } from "../../../lib/db/drivers/client.ts";

interface Plan {
  readonly "QUERY PLAN": readonly [{ readonly Plan: Readonly<Record<string, number>> }];
}

/** What a statement, which takes effect, and every statement inside its functions cost: buffers, and bytes of WAL. */
export const explain = async (
  sql: Sql,
  text: string,
  params: readonly unknown[] = [],
): Promise<{ readonly buffers: number; readonly walBytes: number }> => {
  const [row] = await sql.query<Plan>(`explain (analyze, buffers, wal, timing off, format json) ${text}`, params);
  const plan = row!["QUERY PLAN"][0].Plan;
  return {
    buffers: plan["Shared Hit Blocks"]! + plan["Shared Read Blocks"]!,
    walBytes: plan["WAL Bytes"]!,
  };
};
