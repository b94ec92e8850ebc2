/** `forgeq/job`: what a job's own code imports. */
import middy from "@middy/core";
import type { Context } from "aws-lambda";
import * as z from "zod";
import { ForgeqError } from "./core/errors.ts";
import type { JobDefinition } from "./core/job.ts";
import { type InvocationReport, runInvocation } from "./queue/lambda/run-invocation.ts";
import type { Work } from "./queue/run/run-job.ts";
import type { Deps } from "./queue/deps.ts";
import { namedAsOutage } from "./queue/lambda/outage.ts";
import { invocation, limited } from "./queue/lambda/invocation.ts";
import { runtime } from "./runtime.ts";

export { setHooks, type FailedAttempt, type Hooks } from "./queue/run/hooks.ts";
export { defineJob, defineQueue } from "./core/define.ts";
export { ForgeqError, PermanentError, RetryAfter } from "./core/errors.ts";
export type { Backoff, JobDefinition, Jitter, QueueDefinition, RetryPolicy } from "./core/job.ts";
export type { JobContext, JobDetails } from "./queue/run/job-context.ts";
export type { JobOptions as EnqueueOptions } from "./core/new-job.ts";
export { backoffSeconds } from "./core/backoff.ts";
export { idOf } from "./core/id-of.ts";
export type { Queryable } from "./db/drivers/client.ts";
export { countHistoryPage } from "./db/reads/finished-jobs.ts";
export type { FinishedCount, HistoryKey, HistoryPage, HistoryPageInput } from "./db/reads/finished-jobs.ts";

/** What a handler's function uses of Lambda's context. */
export interface InvocationContext {
  readonly awsRequestId: string;
  readonly getRemainingTimeInMillis: () => number;
}

/** A Lambda function; its event is the dispatcher's. */
export type LeaseFunction = (event: unknown, context: InvocationContext) => Promise<InvocationReport>;

const LeaseEvent = z.object({ lease_id: z.uuid() });

const parseEvent = (event: unknown): z.output<typeof LeaseEvent> => {
  const { data } = LeaseEvent.safeParse(event);
  if (data === undefined) throw new ForgeqError("internal", "the event is not the dispatcher's: it names no lease");
  return data;
};

/** The Lambda function of one job type, with its dependencies given: for tests. */
export const createLambdaHandler = <Schema extends z.ZodType>(
  deps: () => Promise<Deps>,
  definition: JobDefinition<Schema>,
  work: Work<Schema>,
): LeaseFunction => {
  const handler = middy(
    limited(async (event: unknown, context: Context): Promise<InvocationReport> => {
      const { lease_id: leaseId } = parseEvent(event);
      try {
        return await invocation(await deps(), context.awsRequestId, (each) =>
          runInvocation(each, definition, work, {
            leaseId,
            invocation: context.awsRequestId,
            remainingMs: () => context.getRemainingTimeInMillis(),
          }),
        );
      } catch (error) {
        throw namedAsOutage(error);
      }
    }),
  );
  return (event, context) => handler(event, context as Context);
};

/** A handler module's export: the Lambda function, and what `forgeq worker` needs to run the same jobs in its own process. */
export type JobHandler<Schema extends z.ZodType = z.ZodType> = LeaseFunction & {
  readonly definition: JobDefinition<Schema>;
  readonly work: Work<Schema>;
};

/**
 * The Lambda function of one job type. `work` gets the payload, checked by the type's schema, and the job; what it returns is
 * the job's result. It throws to retry by the type's policy, `PermanentError` to give up, `RetryAfter` to choose the delay.
 */
export const lambdaHandler = <Schema extends z.ZodType>(
  definition: JobDefinition<Schema>,
  work: Work<Schema>,
): JobHandler<Schema> =>
  Object.assign(
    createLambdaHandler(() => runtime().deps(), definition, work),
    { definition, work },
  );
