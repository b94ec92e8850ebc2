import type { AttemptOutcome, JobState } from "../../core/states.ts";
import { call } from "../drivers/call.ts";
import type { Db } from "../drivers/client.ts";
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

const ATTEMPTS = `/* forgeq:attempts */
select job_id as "jobId", life, number, outcome, lease_id as "leaseId", began_at as "beganAt", ended_at as "endedAt", error
from forgeq.attempts_of($1::uuid[], coalesce($2::timestamptz, clock_timestamp()))`;

interface AttemptRow extends Attempt {
  readonly jobId: string;
  readonly life: number;
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

/** Jobs with the attempts of their newest life, the oldest first. */
export const withAttempts = async <Row extends AttemptedJob>(
  db: Db,
  rows: readonly Row[],
  at: Date | null,
): Promise<(Omit<Row, "leaseId"> & { readonly attempts: readonly Attempt[] })[]> => {
  if (rows.length === 0) return [];
  const attempts = await call<AttemptRow>(db, ATTEMPTS, [rows.map((row) => row.id), at]);
  const byJob = Map.groupBy(attempts, (attempt) => `${attempt.jobId}/${attempt.life}`);
  return rows.map((row) => {
    const { leaseId: _, ...job } = row;
    return {
      ...job,
      attempts: [
        ...(byJob.get(`${job.id}/${job.life}`) ?? []).map(({ jobId: __, life: ___, ...attempt }) => attempt),
        ...completion(row),
      ],
    };
  });
};
