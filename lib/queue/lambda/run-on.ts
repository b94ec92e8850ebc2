import type * as z from "zod";
import { byName, namesOf } from "../../core/aliases.ts";
import type { JobDefinition } from "../../core/job.ts";
import { hasOthers } from "../../db/reads/queues.ts";
import type { Deps } from "../deps.ts";
import { ABORT_GRACE_MS, type Work } from "../run/run-job.ts";
import type { LeaseInput } from "./run-lease.ts";

/** Kept free for the last statements before the invocation's own time-out, in addition to the time of one job. */
const RESERVE_MS = 5_000;

/**
 * Drain mode: an invocation that has run its lease goes on with its queue, as a worker of that one type, until nothing is due or
 * the time that is left would not do for another job. One statement writes a batch and takes the next one, in the slots that
 * the first leaves, so the queue's limit holds and a backlog costs few invocations.
 *
 * A queue that other types share is left to the dispatcher: an invocation would keep its slots for its own type.
 *
 * @returns the number of jobs that it ran
 */
export const runOn = async <Schema extends z.ZodType>(
  deps: Deps,
  definition: JobDefinition<Schema>,
  work: Work<Schema>,
  input: Pick<LeaseInput, "invocation" | "remainingMs">,
): Promise<number> => {
  const spareMs = () => input.remainingMs() - definition.timeoutSeconds * 1000 - ABORT_GRACE_MS - RESERVE_MS;
  if (spareMs() <= 0 || (await hasOthers(deps.db, definition.queue, namesOf(definition), deps.config.owner ?? null)))
    return 0;

  const { createWorker } = await import("../worker/worker.ts");
  let ran = 0;
  const counted: Work<Schema> = (payload, job) => {
    ran += 1;
    return work(payload, job);
  };
  const worker = createWorker(deps, {
    handlers: byName([{ definition, work: counted }]),
    concurrency: definition.concurrency,
    batchJobs: definition.batchSize,
    queues: [definition.queue],
    invocation: input.invocation ?? "",
    once: true,
  });
  const outOfTime = Promise.withResolvers<void>();
  const cancel = deps.time.after(spareMs(), outOfTime.resolve);
  await Promise.race([worker.drained, outOfTime.promise]);
  cancel();
  await worker.stop(definition.timeoutSeconds * 1000);
  return ran;
};
