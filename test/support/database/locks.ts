import type { Db, Sql } from "../../../lib/db/drivers/client.ts";

/** What a transaction has locked of ForgeQ's tables and indexes. */
const LOCKED = `select count(distinct l.relation)::int as locked
from pg_locks l
join pg_class c on c.oid = l.relation
where l.pid = pg_backend_pid() and l.locktype = 'relation' and c.relnamespace = 'forgeq'::regnamespace`;

/** Relations of ForgeQ that are locked by `work`, all of it in one transaction, which is rolled back. */
export const locksOf = async (db: Db, work: (tx: Db) => Promise<unknown>): Promise<number> => {
  let locked = -1;
  const rollback = new Error("rolled back");
  const count = async (tx: Sql) => {
    await work({ ...db, query: (text, params) => tx.query(text, params) });
    const [row] = await tx.query<{ locked: number }>(LOCKED);
    locked = row!.locked;
    throw rollback;
  };
  await db.transaction(count).catch((error: unknown) => {
    if (error !== rollback) throw error;
  });
  return locked;
};
