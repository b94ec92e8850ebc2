import type { Db, QueryOptions } from "./client.ts";
import { sqlState, UnwantedError } from "./failure.ts";

/** What claim and settle say where a transaction is not read committed, and what Postgres says of conflicts that only other ones have. */
const CONFLICTS = new Set(["FQ009", "40001"]);

const ISOLATION = `/* forgeq:isolation */
select current_setting('default_transaction_isolation') as isolation`;

/**
 * Each statement in a transaction that is read committed, also where the database, the role or the server has another default. Nothing is sent in
 * addition until such a default has made a statement fail; from then on a statement costs this process two more round trips.
 */
export const readCommitted = (db: Db): Db => {
  let defaultFits = true;
  const within = <Row>(text: string, params: readonly unknown[] | undefined, options?: QueryOptions): Promise<Row[]> =>
    db.transaction((tx) => {
      if (options?.isUnwanted?.() === true) throw new UnwantedError();
      return tx.query<Row>(text, params, options);
    });
  return {
    ...db,
    query: async <Row>(text: string, params?: readonly unknown[], options?: QueryOptions): Promise<Row[]> => {
      if (!defaultFits) return within<Row>(text, params, options);
      try {
        return await db.query<Row>(text, params, options);
      } catch (error) {
        if (!CONFLICTS.has(sqlState(error) ?? "")) throw error;
        const [row] = await db.query<{ isolation: string }>(ISOLATION);
        if (row?.isolation === "read committed") throw error;
        defaultFits = false;
        return within<Row>(text, params, options);
      }
    },
  };
};
