import { call } from "../drivers/call.ts";
import type { Db } from "../drivers/client.ts";

/** A type whose handler does not begin: its jobs wait, and one lease at a time tries again. */
export interface BlockedType {
  readonly type: string;
  /** For how long. */
  readonly seconds: number;
  /** Why the last lease came back. */
  readonly reason: string | null;
}

const BLOCKED = `/* forgeq:blocked_types */
select b.type, greatest(0, extract(epoch from coalesce($1::timestamptz, clock_timestamp()) - b.since))::float8 as seconds,
       concat_ws(': ', b.reason ->> 'name', b.reason ->> 'message') as reason
from forgeq.type_block b
order by b.type`;

/** The types that are blocked now; none, as a rule. */
export const blockedTypes = (db: Db, at: Date | null): Promise<BlockedType[]> => call<BlockedType>(db, BLOCKED, [at]);
