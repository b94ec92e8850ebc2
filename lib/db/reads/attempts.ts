import type { AttemptOutcome, JobState } from "../../core/states.ts";
import { call } from "../drivers/call.ts";
import type { Db } from "../drivers/client.ts";
import { readError } from "./odd.ts";
import type { AttemptError } from "../protocol/settle.ts";

export interface Attempt {
  /** From 1; repeats where an attempt was not counted. */
  readonly number: number;
  readonly outcome: AttemptOutcome;
  readonly leaseId: string | null;
  readonly beganAt: Date | null;
  readonly endedAt: Date;
  readonly error: AttemptError | null;
}

/** What tells which attempts are of a job's newest life. */
interface AttemptedJob {
  readonly id: string;
  readonly life: number;
  readonly state: JobState;
  readonly attempt: number;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  readonly leaseId: string | null;
}

/** Of a job so many attempts are shown with it, the newest. */
const MOST_ATTEMPTS = 100;

/** An answer ends with the row that fills so many bytes. Lambda answers six million at most. */
export const PAGE_BYTES = 4_000_000;

/** What an attempt takes beside its error, about. */
const ATTEMPT_BYTES = 300;

const COLUMNS = `number, outcome, lease_id as "leaseId", began_at as "beganAt", ended_at as "endedAt", error`;

// Those of the newest lives, in the order of a list: the first jobs have all of theirs.
const ATTEMPTS = `/* forgeq:attempts */
select job_id as "jobId", bytes, ${COLUMNS}
from (select t.*, sum(bytes) over (order by job_id desc, ended_at desc, number desc) - bytes as before
      from (select a.*, coalesce(octet_length(a.error::text), 0) + ${ATTEMPT_BYTES} as bytes,
                   row_number() over (partition by a.job_id order by a.ended_at desc, a.number desc) as nth
            from forgeq.attempts_of($1::uuid[], coalesce($2::timestamptz, clock_timestamp())) a
            join unnest($1::uuid[], $3::int[]) as j(id, life) on j.id = a.job_id and j.life = a.life) t
      where nth <= ${MOST_ATTEMPTS}) t
where before < ${PAGE_BYTES}
order by ended_at, number`;

interface AttemptRow extends Attempt {
  readonly jobId: string;
  readonly bytes: number;
}

/** A plain completion leaves no row of its own: the history row is its record. */
const completion = (job: AttemptedJob): Attempt[] =>
  job.state === "completed" && job.finishedAt !== null
    ? [
        {
          number: job.attempt,
          outcome: "completed",
          leaseId: job.leaseId,
          beganAt: job.startedAt,
          endedAt: job.finishedAt,
          error: null,
        },
      ]
    : [];

/**
 * Jobs, newest id first, with the newest 100 attempts of their newest life, the oldest of these first. `attemptBytes` is about what they take: of all
 * jobs together no more than one attempt above `PAGE_BYTES` is read, so the jobs after that have none.
 */
export const withAttempts = async <Row extends AttemptedJob>(
  db: Db,
  rows: readonly Row[],
  at: Date | null,
): Promise<
  { readonly job: Omit<Row, "leaseId"> & { readonly attempts: readonly Attempt[] }; readonly attemptBytes: number }[]
> => {
  if (rows.length === 0) return [];
  const params = [rows.map((row) => row.id), at, rows.map((row) => row.life)];
  const byJob = Map.groupBy(await call<AttemptRow>(db, ATTEMPTS, params), (attempt) => attempt.jobId);
  return rows.map((row) => {
    const { leaseId: _, ...job } = row;
    const own = byJob.get(row.id) ?? [];
    const attempts = [
      ...own.map(({ jobId: __, bytes: ___, ...attempt }) => ({ ...attempt, error: readError(attempt.error) })),
      ...completion(row),
    ];
    return {
      job: { ...job, attempts: attempts.slice(-MOST_ATTEMPTS) },
      attemptBytes: own.reduce((sum, { bytes }) => sum + bytes, 0),
    };
  });
};

const ATTEMPT_PAGE = `/* forgeq:attempt_page */
select ${COLUMNS}, (extract(epoch from ended_at) * 1000000)::bigint || '.' || number as cursor
from (select a.*, sum(bytes) over (order by ended_at desc, number desc) - bytes as before
      from (select a.*, coalesce(octet_length(a.error::text), 0) + ${ATTEMPT_BYTES} as bytes
            from forgeq.attempts_of(array[$1::uuid], coalesce($2::timestamptz, clock_timestamp())) a
            where a.life = $3::int
              and ($4::bigint is null or (a.ended_at, a.number) < (timestamptz 'epoch' + $4::bigint * interval '1 microsecond', $5::int))
            order by a.ended_at desc, a.number desc
            limit $6::int + 1) a) a
where before < ${PAGE_BYTES}
order by ended_at desc, number desc`;

/** What follows an attempt in a job's attempts, newest first: its end in microseconds since 1970, and its number. */
const CURSOR = /^(\d{1,17})\.(\d{1,5})$/;

/**
 * The attempts of a job's newest life, newest first, from after `after` on: `limit` of them at most.
 *
 * @param after - what an earlier page gave; null for the first one
 * @returns `next` is null at the end
 */
export const attemptPage = async (
  db: Db,
  job: { readonly id: string; readonly life: number; readonly attempts?: readonly Attempt[] },
  page: { readonly limit: number; readonly after: string | null },
  at: Date | null,
): Promise<{ readonly attempts: readonly Attempt[]; readonly next: string | null }> => {
  const [, micros = null, number = null] = CURSOR.exec(page.after ?? "") ?? [];
  const params = [job.id, at, job.life, micros, number, page.limit];
  const found = await call<Attempt & { readonly cursor: string }>(db, ATTEMPT_PAGE, params);
  const rows = found.slice(0, page.limit);
  const newest = job.attempts?.at(-1);
  // The last one of a job that completed has no row.
  const completed = page.after === null && newest?.outcome === "completed" ? [newest] : [];
  return {
    attempts: [
      ...completed,
      ...rows.map(({ cursor: _, ...attempt }) => ({ ...attempt, error: readError(attempt.error) })),
    ],
    next: found.length > rows.length ? (rows.at(-1)?.cursor ?? null) : null,
  };
};
