import { ForgeqError } from "../../core/errors.ts";
import { type Job, sameOptions } from "../../db/reads/jobs.ts";
import type { Deps } from "../deps.ts";
import { enqueueJobs } from "../enqueue/enqueue-jobs.ts";

/**
 * Enqueues a job like one that was read, whatever became of that: with an id of its own, and the other's in `metadata.cloned_from`. It takes no unique key.
 *
 * @param payload - of the new job, checked already; the old one's unless given
 * @throws {ForgeqError} `payload_gone` - its queue kept no payload, and none was given; as `enqueueJobs`. Nothing was stored then.
 */
export const cloneJob = async (
  deps: Deps,
  job: Job,
  {
    payload = job.payload,
    ...options
  }: { readonly payload?: unknown; readonly delaySeconds?: number | undefined; readonly traceparent?: string } = {},
): Promise<Job> => {
  if (payload === undefined || payload === null)
    throw new ForgeqError("payload_gone", "this job's payload was not kept: give one");
  const same = sameOptions(job);
  const clone = { ...options, ...same, metadata: { ...same.metadata, cloned_from: job.id }, payload };
  const [enqueued] = await enqueueJobs(deps, [clone]);
  if (enqueued === undefined) throw new ForgeqError("internal", "an enqueue gave no answer");
  return enqueued.job;
};
