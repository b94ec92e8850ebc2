import { call, only } from "../drivers/call.ts";
import type { Db } from "../drivers/client.ts";
import type { Part } from "./part.ts";

/** Attempts that failed alike. */
export interface ErrorGroup {
  readonly fingerprint: string;
  /** Ids and numbers of the message are `#`. */
  readonly essence: { readonly name: string; readonly message: string; readonly frame?: string | null };
  readonly attempts: number;
  readonly jobs: number;
  /** Jobs that died of it. */
  readonly dead: number;
  readonly types: readonly string[];
  readonly queues: readonly string[];
  readonly first_at: string;
  readonly last_at: string;
  /** The newest message as it was, its first 400 characters; null where an attempt had none. */
  readonly example: string | null;
  /** The newest job. */
  readonly job_id: string;
  /** Attempts in twelfths of the time that was read, oldest first. */
  readonly spark: readonly number[];
}

export interface ErrorGroups {
  readonly groups: readonly ErrorGroup[];
  /** How many failed attempts were read. */
  readonly attempts: number;
  /** How far back they go. */
  readonly since: string;
  /** All since the instant that was asked for were read. */
  readonly complete: boolean;
}

const GROUPS = `/* forgeq:error_groups */
select forgeq.error_groups(coalesce($6::timestamptz, clock_timestamp()) - make_interval(secs => $1::int), $2::text[], $3::text[], $4::int, $5::int,
  $6::timestamptz) as found`;

/** Pages of attempts that are read. */
const MAX_PAGES = 64;

/** The errors of the newest failed attempts, in groups: see migrations/functions/error_groups.sql. */
export const readErrorGroups = async (
  db: Db,
  seconds: number,
  limit: number,
  { types, queues }: Part,
  at: Date | null,
): Promise<ErrorGroups> =>
  only(await call<{ found: ErrorGroups }>(db, GROUPS, [seconds, types, queues, limit, MAX_PAGES, at])).found;
