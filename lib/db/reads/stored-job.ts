import type { IdentifiedJob } from "../../core/new-job.ts";
import { callAgain } from "../drivers/call.ts";
import type { Db } from "../drivers/client.ts";
import { type Job, JOB_COLUMNS } from "./jobs.ts";

const STORED_JOB = `/* forgeq:stored_job */
select ${JOB_COLUMNS}, result, extract(epoch from run_at - coalesce($6, clock_timestamp()))::float8 as "dueSeconds"
from forgeq.stored_job($1::uuid, $2::uuid, $3, $4::jsonb, $5, $6::timestamptz) l`;

/** A job without its payload and attempts, and in how many seconds it is due. */
export interface StoredJob {
  readonly job: Omit<Job, "payload" | "attempts">;
  readonly dueSeconds: number;
}

/** The job `holder` that an enqueue of `item` found there already; null when it is nowhere. See migrations/functions/stored_job.sql. */
export const findStoredJob = async (
  db: Db,
  item: IdentifiedJob,
  holder: string,
  at: Date | null,
): Promise<StoredJob | null> => {
  const params = [item.id, holder, item.type, JSON.stringify(item.payload), item.uniqueKey ?? null, at];
  const [row] = await callAgain<StoredJob["job"] & { readonly dueSeconds: number }>(db, STORED_JOB, () => params);
  if (row === undefined) return null;
  const { dueSeconds, ...job } = row;
  return { job, dueSeconds };
};
