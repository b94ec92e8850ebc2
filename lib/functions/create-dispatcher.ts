import middy from "@middy/core";
import type { Context } from "aws-lambda";
import * as z from "zod";
import type { Deps } from "../queue/deps.ts";
import { dispatch, type DispatchReport } from "../queue/lambda/dispatch.ts";
import { invocation, limited } from "../queue/lambda/invocation.ts";

/** A wake names the queue to scan first; an event of a schedule names none. */
const Wake = z.object({ queue: z.string().optional() });

/** Woken by enqueue and others, and every minute by EventBridge. Any number may run concurrently. */
export const createDispatcher = (deps: () => Promise<Deps>) =>
  middy(
    limited(async (event: unknown, context: Context): Promise<DispatchReport> => {
      const wake = Wake.safeParse(event).data ?? {};
      return invocation(await deps(), context.awsRequestId, (each) =>
        dispatch(each, wake, () => context.getRemainingTimeInMillis()),
      );
    }),
  );
