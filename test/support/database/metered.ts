import type { Db } from "../../../lib/db/drivers/client.ts";

interface Plan {
  readonly "QUERY PLAN": readonly [
    {
      readonly Plan: { readonly "Shared Hit Blocks": number; readonly "Shared Read Blocks": number };
      readonly JIT?: unknown;
    },
  ];
}

/** What the statements of a call touched; each was run once more to find out. */
export interface Cost {
  buffers: number;
  /** The most of one statement. */
  most: number;
  statements: number;
  /** Statements that were compiled. */
  compiled: number;
}

/** A database that counts what its reads cost, those of the functions that they call included. */
export const metered = (
  db: Db,
): { readonly db: Db; readonly costOf: (call: (db: Db) => Promise<unknown>) => Promise<Cost> } => {
  let cost: Cost = { buffers: 0, most: 0, statements: 0, compiled: 0 };
  const counting: Db = {
    ...db,
    query: async <Row>(text: string, params: readonly unknown[] = []) => {
      const [row] = await db.query<Plan>(`explain (analyze, buffers, timing off, format json) ${text}`, params);
      const { Plan: plan, JIT: jit } = row!["QUERY PLAN"][0];
      const buffers = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"];
      cost = {
        buffers: cost.buffers + buffers,
        most: Math.max(cost.most, buffers),
        statements: cost.statements + 1,
        compiled: cost.compiled + (jit === undefined ? 0 : 1),
      };
      return db.query<Row>(text, params);
    },
  };
  return {
    db: counting,
    costOf: async (call) => {
      // The first time also reads the catalog. So does a later one when other tests of the server have made many tables meanwhile: of two the lesser counts.
      await call(db);
      const costs: Cost[] = [];
      for (let n = 0; n < 2; n += 1) {
        cost = { buffers: 0, most: 0, statements: 0, compiled: 0 };
        await call(counting);
        costs.push(cost);
      }
      return costs.sort((a, b) => a.buffers - b.buffers)[0]!;
    },
  };
};
