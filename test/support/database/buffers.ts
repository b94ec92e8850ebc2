import type { Db, Sql } from "../../../lib/db/drivers/client.ts";

interface Plan {
  readonly "QUERY PLAN": readonly [
    { readonly Plan: { readonly "Shared Hit Blocks": number; readonly "Shared Read Blocks": number } },
  ];
}

/** Buffers of a statement, with those of the functions that it calls. It is run. */
export const buffersOf = async (db: Sql, text: string, params: readonly unknown[] = []): Promise<number> => {
  const [row] = await db.query<Plan>(`explain (analyze, buffers, format json) ${text}`, params);
  const { Plan: plan } = row!["QUERY PLAN"][0];
  return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"];
};

class Undone extends Error {}

/**
 * A database that counts the single statements sent to it, and the buffers that each touches: it is explained first, in a transaction that is rolled back.
 * Its transactions are not counted.
 */
export const measured = (db: Db): { readonly db: Db; readonly spent: { statements: number; buffers: number } } => {
  const spent = { statements: 0, buffers: 0 };
  const query = async <Row>(text: string, params: readonly unknown[] = []): Promise<Row[]> => {
    spent.statements += 1;
    await db
      .transaction(async (tx) => {
        spent.buffers += await buffersOf(tx, text, params);
        throw new Undone();
      })
      .catch((error: unknown) => {
        if (!(error instanceof Undone)) throw error;
      });
    return db.query<Row>(text, params);
  };
  return { db: { ...db, query }, spent };
};
