import middy from "@middy/core";
import type { Context } from "aws-lambda";
import type { Deps } from "../queue/deps.ts";
import { type FailedInvocationOutcome, handleFailedInvocation } from "../queue/lambda/failed-invocation.ts";
import { invocation, limited } from "../queue/lambda/invocation.ts";

/** The on-failure destination of the handlers. A record delivered again finds its lease closed and changes nothing. */
export const createFailedInvocation = (deps: () => Promise<Deps>) =>
  middy(
    limited(async (record: unknown, context: Context): Promise<{ readonly outcome: FailedInvocationOutcome }> => ({
      outcome: await invocation(await deps(), context.awsRequestId, (each) => handleFailedInvocation(each, record)),
    })),
  );
