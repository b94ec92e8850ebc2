import type { Sql } from "../../../lib/db/drivers/client.ts";

interface Plan {
  readonly "QUERY PLAN": readonly { readonly Plan: { readonly [key: string]: number } }[];
}

/** Runs a call, as what stands after `from`, and counts the buffers that it and every statement inside it touched. */
export const buffersOf = async (db: Pick<Sql, "query">, call: string, params: readonly unknown[]): Promise<number> => {
  const [row] = await db.query<Plan>(
    `explain (analyze, buffers, timing off, format json) select * from ${call}`,
    params,
  );
  const plan = row!["QUERY PLAN"][0]!.Plan;
  return plan["Shared Hit Blocks"]! + plan["Shared Read Blocks"]!;
};
