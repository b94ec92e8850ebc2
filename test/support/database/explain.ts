import type { Db, Sql } from "../../../lib/db/drivers/client.ts";

interface Plan {
  readonly "QUERY PLAN": readonly [{ readonly Plan: Readonly<Record<string, number>> }];
}

export interface Cost {
  readonly buffers: number;
  readonly walBytes: number;
}

export const NOTHING: Cost = { buffers: 0, walBytes: 0 };

/** What a statement, which takes effect, and every statement inside its functions cost: buffers, and bytes of WAL. */
export const explain = async (sql: Sql, text: string, params: readonly unknown[] = []): Promise<Cost> => {
  const [row] = await sql.query<Plan>(`explain (analyze, buffers, wal, timing off, format json) ${text}`, params);
  const plan = row!["QUERY PLAN"][0].Plan;
  return {
    buffers: plan["Shared Hit Blocks"]! + plan["Shared Read Blocks"]!,
    walBytes: plan["WAL Bytes"]!,
  };
};

/** The same, and it takes no effect. */
export const explainOnly = async (db: Db, text: string, params: readonly unknown[] = []): Promise<Cost> => {
  const rollBack = new Error("roll back");
  let cost = NOTHING;
  await db
    .transaction(async (tx) => {
      cost = await explain(tx, text, params);
      throw rollBack;
    })
    .catch((error: unknown) => {
      if (error !== rollBack) throw error;
    });
  return cost;
};
