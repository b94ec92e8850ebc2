import middy from "@middy/core";
import type { Context } from "aws-lambda";
import type { Deps } from "../lib/queue/deps.ts";
import { type FailedInvocationOutcome, handleFailedInvocation } from "../lib/queue/lambda/failed-invocation.ts";
import { invocation, limited } from "../lib/queue/lambda/invocation.ts";
import { runtime } from "../lib/runtime.ts";

/** The on-failure destination of the handlers. A record delivered again finds its lease closed and changes nothing. */
export const createHandler = (deps: () => Promise<Deps>) =>
  middy(
    limited(async (record: unknown, context: Context): Promise<{ readonly outcome: FailedInvocationOutcome }> => ({
      outcome: await invocation(await deps(), context.awsRequestId, (each) => handleFailedInvocation(each, record)),
    })),
  );

export const handler = createHandler(() => runtime().deps());
