import type { AttemptOutcome, JobState } from "../../core/states.ts";
import { call } from "../drivers/call.ts";
import type { Db } from "../drivers/client.ts";
import type { Progress } from "../protocol/leases.ts";
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

/** A job as a read shows it: its newest life. `payload` is null where its queue keeps none. */
export interface Job {
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  readonly state: JobState;
  readonly priority: number;
  readonly payload?: unknown;
  readonly metadata: Record<string, unknown>;
  readonly uniqueKey: string | null;
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly progress: Progress | null;
  readonly createdAt: Date;
  readonly runAt: Date;
  /** When the newest attempt began. */
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  readonly result: unknown;
  /** The last one. */
  readonly error: AttemptError | null;
  readonly attempts?: readonly Attempt[];
  /** From 1; each retry by hand begins the next one. */
  readonly life: number;
}

interface JobRow extends Omit<Job, "attempts"> {
  readonly leaseId: string | null;
}

// The state of a live job is derived: from its claim, its lease, and the database's clock.
const LIVE = `
select j.id, j.type, j.queue,
       case when l.began_at is not null then 'running' when j.claim_id is not null then 'leased'
            when j.run_at > clock.now then 'scheduled' else 'pending' end as state,
       j.priority, j.payload, coalesce(j.metadata, '{}') as metadata, j.unique_key as "uniqueKey", j.attempt, j.max_attempts as "maxAttempts",
       l.progress -> (j.id::text) as progress, coalesce(j.created_at, j.run_at) as "createdAt", j.run_at as "runAt",
       coalesce(l.began_at, (select a.began_at from forgeq.job_attempt a
         where a.job_id = j.id and a.life = coalesce(j.life, 1) and a.began_at is not null order by a.ended_at desc limit 1)) as "startedAt",
       null::timestamptz as "finishedAt", null::jsonb as result,
       (select a.error from forgeq.job_attempt a where a.job_id = j.id and a.life = coalesce(j.life, 1) order by a.ended_at desc limit 1) as error,
       coalesce(j.life, 1) as life, l.id as "leaseId"
from (select coalesce($1::timestamptz, clock_timestamp()) as now) clock
cross join forgeq.job j
left join forgeq.lease l on l.claim_id = j.claim_id and j.id = any (l.job_ids)`;

const FINISHED = `
select h.id, h.type, h.queue, h.state::text, h.priority, h.payload, coalesce(h.metadata, '{}') as metadata, h.unique_key as "uniqueKey", h.attempt,
       h.max_attempts as "maxAttempts", null::jsonb as progress, h.created_at as "createdAt", coalesce(h.run_at, h.created_at) as "runAt",
       h.began_at as "startedAt", h.finished_at as "finishedAt", h.result, h.error, h.life, h.lease_id as "leaseId"
from forgeq.job_history h`;

const GET_LIVE = `/* forgeq:get_live */${LIVE}
where j.id = $2::uuid`;

const GET_FINISHED = `/* forgeq:get_finished */${FINISHED}
where h.id = $1::uuid
order by h.life desc
limit 1`;

const ATTEMPTS = `/* forgeq:attempts */
select job_id as "jobId", life, number, outcome, lease_id as "leaseId", began_at as "beganAt", ended_at as "endedAt", error
from forgeq.job_attempt
where job_id = any ($1::uuid[])
order by ended_at, number`;

interface AttemptRow extends Attempt {
  readonly jobId: string;
  readonly life: number;
}

/** A plain completion leaves no row of its own: the history row is its record. */
const completion = (job: JobRow): Attempt[] =>
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

const withAttempts = async (db: Db, rows: readonly JobRow[]): Promise<Job[]> => {
  if (rows.length === 0) return [];
  const attempts = await call<AttemptRow>(db, ATTEMPTS, [rows.map((row) => row.id)]);
  const byJob = Map.groupBy(attempts, (attempt) => `${attempt.jobId}/${attempt.life}`);
  return rows.map(({ leaseId, ...job }) => ({
    ...job,
    attempts: [
      ...(byJob.get(`${job.id}/${job.life}`) ?? []).map(({ jobId: _, life: __, ...attempt }) => attempt),
      ...completion({ ...job, leaseId }),
    ],
  }));
};

/** A job with its payload and attempts, or null. */
export const getJob = async (db: Db, id: string, at: Date | null): Promise<Job | null> => {
  // Live, finished, then live again: a job may finish, or be revived, between two reads.
  for (const [text, params] of [
    [GET_LIVE, [at, id]],
    [GET_FINISHED, [id]],
    [GET_LIVE, [at, id]],
  ] as const) {
    const rows = await call<JobRow>(db, text, params);
    if (rows.length > 0) return (await withAttempts(db, rows))[0] ?? null;
  }
  return null;
};

export interface JobFilter {
  readonly state?: JobState;
  readonly type?: string;
  readonly queue?: string;
  /** 1 to 100. */
  readonly limit: number;
  /** The id after which to go on, newest first; null for the first page. */
  readonly after: string | null;
  readonly include: { readonly payload: boolean; readonly attempts: boolean };
}

const LIST_LIVE = `/* forgeq:list_live */
select * from (${LIVE}
  where j.id < coalesce($2::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
    and ($3::text is null or j.type = $3) and ($4::text is null or j.queue = $4)
    and ($5::text is null or ($5 in ('scheduled', 'pending')) = (j.claim_id is null))) live
where $5::text is null or state = $5
order by id desc
limit $6::int`;

const LIST_FINISHED = `/* forgeq:list_finished */${FINISHED}
where h.id < coalesce($1::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
  and ($2::text is null or h.type = $2) and ($3::text is null or h.queue = $3)
  and ($4::forgeq.finished_state is null or h.state = $4::forgeq.finished_state)
  and not exists (select from forgeq.job j where j.id = h.id)
  and not exists (select from forgeq.job_history later where later.id = h.id and later.life > h.life)
order by h.id desc
limit $5::int`;

const FINISHED_STATES: readonly string[] = ["completed", "dead", "cancelled"];

/** Jobs, newest id first, each in its newest life. `next` is the cursor of the page after this one, null at the end. */
export const listJobs = async (
  db: Db,
  filter: JobFilter,
  at: Date | null,
): Promise<{ jobs: Job[]; next: string | null }> => {
  const { state = null, type = null, queue = null, limit, after, include } = filter;
  const finishedOnly = state !== null && FINISHED_STATES.includes(state);
  const liveOnly = state !== null && !finishedOnly;
  const [live, finished] = await Promise.all([
    finishedOnly ? [] : call<JobRow>(db, LIST_LIVE, [at, after, type, queue, state, limit + 1]),
    liveOnly ? [] : call<JobRow>(db, LIST_FINISHED, [after, type, queue, state, limit + 1]),
  ]);
  // Read by two statements: a job that finished between them is in both, and shows its later side.
  const rows = [...new Map([...live, ...finished].map((row) => [row.id, row])).values()]
    .sort((a, b) => (a.id < b.id ? 1 : -1))
    .slice(0, limit + 1);
  const page = rows.slice(0, limit);
  const jobs = include.attempts ? await withAttempts(db, page) : page.map(({ leaseId: _, ...job }) => job);
  return {
    jobs: include.payload ? jobs : jobs.map(({ payload: _, ...job }) => job),
    next: rows.length > limit ? (page.at(-1)?.id ?? null) : null,
  };
};

const CANCEL = `/* forgeq:cancel */
select outcome, state from forgeq.cancel($1::uuid, $2::timestamptz)`;

export interface CancelRow {
  readonly outcome: "cancelled" | "requested" | "finished" | "not_found" | "busy";
  readonly state: JobState | null;
}

/** Cancels a free job, or asks the lease that holds it to. `busy`: somebody holds it right now, nothing was changed. */
export const cancel = async (db: Db, id: string, at: Date | null): Promise<CancelRow> => {
  const [row] = await call<CancelRow>(db, CANCEL, [id, at]);
  return row ?? { outcome: "not_found", state: null };
};

const RETRY = `/* forgeq:retry */
select outcome, holder_id as "holderId" from forgeq.retry($1::uuid, $2::int, $3::timestamptz)`;

export interface RetryRow {
  readonly outcome: "retried" | "live" | "stale" | "not_found" | "unique_key" | "payload_gone" | "queue_gone";
  readonly holderId: string | null;
}

/** Gives a finished job its next life; `life` is the one that the caller saw. */
export const revive = async (db: Db, id: string, life: number, at: Date | null): Promise<RetryRow> => {
  const [row] = await call<RetryRow>(db, RETRY, [id, life, at]);
  return row ?? { outcome: "not_found", holderId: null };
};
