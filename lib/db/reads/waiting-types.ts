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
where $2::text is null or not exists (select from forgeq.job_type t where t.type = b.type and t.owner <> $2::text)
order by b.type`;

/** The types that are blocked now, of those that an owner serves, null for all; none, as a rule. */
export const blockedTypes = (db: Db, at: Date | null, owner: string | null = null): Promise<BlockedType[]> =>
  call<BlockedType>(db, BLOCKED, [at, owner]);

/** A type whose due jobs nobody takes. */
export interface UnservedType {
  readonly queue: string;
  readonly type: string;
  /** For how long the oldest has been due. */
  readonly seconds: number;
}

const UNSERVED = `/* forgeq:unserved_types */
select queue, type, seconds from forgeq.unserved_types($1::timestamptz, $2)`;

/** Types of which jobs have been due for ten minutes, and no lease was made; see migrations/functions/unserved_types.sql. */
export const unservedTypes = (db: Db, at: Date | null, owner: string | null = null): Promise<UnservedType[]> =>
  call<UnservedType>(db, UNSERVED, [at, owner]);
