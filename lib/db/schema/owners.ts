import { ForgeqError } from "../../core/errors.ts";
import type { Db } from "../drivers/client.ts";

/** A change of owner, from SERVICE-STAGE to another one; `to` null: to nobody. */
export interface Adoption {
  readonly from: string;
  readonly to: string | null;
  /** Although its tick or its dispatcher may be running. */
  readonly force: boolean;
  /** Cancels its jobs first. */
  readonly discardJobs: boolean;
}

export interface Adopted {
  readonly types: number;
  readonly queues: number;
  /** Live jobs in those queues now. */
  readonly waiting: number;
  readonly cancelled: number;
}

const OWNERS = `/* forgeq:owners */
select owner from forgeq.job_type where owner is not null union select owner from forgeq.queue where owner is not null order by owner`;

const LAST_SEEN = `/* forgeq:owner_last_seen */
select extract(epoch from clock_timestamp() - seen_at)::float8 as seconds
from forgeq.wake where owner = $1 and seen_at > clock_timestamp() - interval '3 minutes'`;

const CANCEL = `/* forgeq:discard_jobs */
select c.outcome
from (select j.id from forgeq.job j
      where j.queue = any (array(select q.name from forgeq.queue q where q.owner = $1)) and j.id > $2::uuid
      order by j.id limit 1000) j
cross join lateral forgeq.cancel(j.id) c`;

const LAST_ID = `/* forgeq:discard_position */
select max(j.id::text) as id
from (select j.id from forgeq.job j
      where j.queue = any (array(select q.name from forgeq.queue q where q.owner = $1)) and j.id > $2::uuid
      order by j.id limit 1000) j`;

const WAITING = `/* forgeq:owner_jobs */
select count(*)::int as jobs from forgeq.job where queue = any (array(select name from forgeq.queue where owner = $1))`;

const ADOPT_TYPES = `/* forgeq:adopt_types */
update forgeq.job_type set owner = $2 where owner = $1 returning type`;

const ADOPT_QUEUES = `/* forgeq:adopt_queues */
update forgeq.queue set owner = $2 where owner = $1 returning name`;

const NOBODY = "00000000-0000-0000-0000-000000000000";

/** In slices, by id. A job that somebody holds right now is left; one that is running is asked to end. */
const discard = async (db: Db, from: string): Promise<number> => {
  let cancelled = 0;
  for (let after: string | null = NOBODY; after !== null;) {
    const rows: { id: string | null }[] = await db.query<{ id: string | null }>(LAST_ID, [from, after]);
    const ended = await db.query<{ outcome: string }>(CANCEL, [from, after]);
    cancelled += ended.filter(({ outcome }) => outcome === "cancelled").length;
    after = rows[0]?.id ?? null;
  }
  return cancelled;
};

/**
 * Gives the types and queues of one owner to another one, whose dispatcher starts their handlers from then on.
 *
 * @throws {ForgeqError} `not_found` - nothing belongs to it; `illegal_state` - its tick or dispatcher ran within three minutes. Nothing was changed.
 */
export const adopt = async (db: Db, { from, to, force, discardJobs }: Adoption): Promise<Adopted> => {
  const owners = (await db.query<{ owner: string }>(OWNERS)).map(({ owner }) => owner);
  if (!owners.includes(from))
    throw new ForgeqError(
      "not_found",
      `no type or queue belongs to ${from}: ${owners.length === 0 ? "none has an owner" : `the owners are ${owners.join(", ")}`}`,
    );
  const [seen] = await db.query<{ seconds: number }>(LAST_SEEN, [from]);
  if (seen !== undefined && !force)
    throw new ForgeqError(
      "illegal_state",
      `the tick or the dispatcher of ${from} ran ${Math.round(seen.seconds)} s ago: stop it, wait for three minutes, or take over with --force`,
    );
  const cancelled = discardJobs ? await discard(db, from) : 0;
  return db.transaction(async (tx) => {
    const [waiting] = await tx.query<{ jobs: number }>(WAITING, [from]);
    const types = await tx.query(ADOPT_TYPES, [from, to]);
    const queues = await tx.query(ADOPT_QUEUES, [from, to]);
    return { types: types.length, queues: queues.length, waiting: waiting?.jobs ?? 0, cancelled };
  });
};

const FOREIGN_TYPES = `/* forgeq:foreign_types */
select type, owner from forgeq.job_type where type = any ($1::text[]) and owner is not null and owner <> $2 order by type`;

/** Those of the types that belong to somebody else than this owner, "" for nobody. */
export const foreignTypes = (
  db: Db,
  types: readonly string[],
  owner: string,
): Promise<{ readonly type: string; readonly owner: string }[]> => db.query(FOREIGN_TYPES, [types, owner]);
