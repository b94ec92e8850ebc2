/** The lives of a job that a retry by hand has ended. */
import { call } from "../drivers/call.ts";
import type { Db } from "../drivers/client.ts";
import { PAGE_BYTES, withAttempts } from "./attempts.ts";
import { LISTED, WHOLE_JOB } from "./job.ts";
import { type Job, JOB_COLUMNS, type JobRow } from "./jobs.ts";
import { readJob } from "./odd.ts";

interface LifeRow extends JobRow {
  readonly revivedAt: Date | null;
  readonly revivedBy: string | null;
}

const RETRIED = `, h.revived_at as "revivedAt", h.revived_by as "revivedBy"`;

const withRetry = ({ revivedAt, revivedBy, ...row }: LifeRow) => ({
  ...readJob(row),
  ...(revivedAt !== null && { retried: { at: revivedAt, by: revivedBy ?? "" } }),
});

const GET_LIFE = `/* forgeq:get_life */
select ${WHOLE_JOB}${RETRIED}
from forgeq.lives_of($2::uuid, $3::int, 1, coalesce($1::timestamptz, clock_timestamp())) h
${LISTED}
where h.life = $3::int`;

/** A job as one of its lives ended, with that life's newest attempts; null where it is not kept. */
export const getLife = async (db: Db, id: string, life: number, at: Date | null): Promise<Job | null> => {
  const rows = await call<LifeRow>(db, GET_LIFE, [at, id, life]);
  return (await withAttempts(db, rows.map(withRetry), at))[0]?.job ?? null;
};

// To the row that fills a page, as every list.
const LIVES = `/* forgeq:lives */
select *
from (select h.*, sum(bytes) over (order by life desc) - bytes as before, count(*) over ()::int as found
      from (select ${JOB_COLUMNS}${RETRIED}, coalesce(octet_length(h.metadata::text), 0) + coalesce(octet_length(h.error::text), 0) + 600 as bytes
            from forgeq.lives_of($2::uuid, $3::int, $4::int + 1, coalesce($1::timestamptz, clock_timestamp())) h
            ${LISTED}) h) h
where before < ${PAGE_BYTES}
order by life desc`;

interface Sized {
  readonly bytes: number;
  readonly before: number;
  /** Lives that there are, one more than a page at most. */
  readonly found: number;
}

/**
 * The lives of a job from `upto` on downwards, the newest first, without payloads, results and attempts.
 *
 * @returns `next` is where the next page begins, null at the end
 */
export const listLives = async (
  db: Db,
  id: string,
  { upto, limit }: { readonly upto: number; readonly limit: number },
  at: Date | null,
): Promise<{ readonly lives: readonly Job[]; readonly next: number | null }> => {
  const rows = await call<LifeRow & Sized>(db, LIVES, [at, id, upto, limit]);
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    lives: shown.map(({ bytes: _, before: __, found: ___, ...row }) => {
      const { leaseId: ____, ...job } = withRetry(row);
      return job;
    }),
    next: last === undefined || last.found === shown.length ? null : last.life - 1,
  };
};
