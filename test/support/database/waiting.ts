import type { Db } from "../../../lib/db/drivers/client.ts";

/** Resolves when a statement of this database waits for a row or transaction of another one. */
export const expectWaiting = async (db: Db): Promise<void> => {
  for (let tried = 0; tried < 500; tried += 1) {
    const [row] = await db.query<{ n: number }>(
      `select count(*)::int as n from pg_stat_activity
       where datname = current_database() and wait_event_type = 'Lock' and pid <> pg_backend_pid()`,
    );
    if ((row?.n ?? 0) > 0) return;
  }
  throw new Error("nothing waits");
};
