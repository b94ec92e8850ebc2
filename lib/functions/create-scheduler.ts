import middy from "@middy/core";
import type { Context } from "aws-lambda";
import * as z from "zod";
import type { Deps } from "../queue/deps.ts";
import { invocation, limited } from "../queue/lambda/invocation.ts";
import { type TickReport, wokenTick } from "../queue/schedule/tick.ts";

/** An armed wake says until when to sleep; an event of a recurring schedule says nothing. */
const Wake = z.object({ until: z.iso.datetime() });

/** Every minute, or when it was armed, by EventBridge. Two may run concurrently. */
export const createScheduler = (deps: () => Promise<Deps>) =>
  middy(
    limited(async (event: unknown, context: Context): Promise<TickReport> => {
      const wake = Wake.safeParse(event).data;
      return invocation(await deps(), context.awsRequestId, (each) =>
        wokenTick(each, wake === undefined ? null : new Date(wake.until), () => context.getRemainingTimeInMillis()),
      );
    }),
  );
