import { call, only } from "../drivers/call.ts";
import type { Db } from "../drivers/client.ts";

const NOW = `/* forgeq:now */
select coalesce($1::timestamptz, clock_timestamp()) as now`;

/** The database's clock, which decides. */
export const databaseNow = async (db: Db, at: Date | null): Promise<Date> =>
  only(await call<{ now: Date }>(db, NOW, [at])).now;
