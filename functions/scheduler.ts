import middy from "@middy/core";
import type { Context } from "aws-lambda";
import * as z from "zod";
import type { Deps } from "../lib/queue/deps.ts";
import { invocation, limited } from "../lib/queue/lambda/invocation.ts";
import { type TickReport, wokenTick } from "../lib/queue/schedule/tick.ts";
import { runtime } from "../lib/runtime.ts";

/** An armed wake says until when to sleep; an event of a recurring schedule says nothing. */
const Wake = z.object({ until: z.iso.datetime() });

/** Every minute, or when it was armed, by EventBridge. Two may run concurrently. */
export const createHandler = (deps: () => Promise<Deps>) =>
  middy(
    limited(async (event: unknown, context: Context): Promise<TickReport> => {
      const wake = Wake.safeParse(event).data;
      return invocation(await deps(), context.awsRequestId, (each) =>
        wokenTick(each, wake === undefined ? null : new Date(wake.until), () => context.getRemainingTimeInMillis()),
      );
    }),
  );

export const handler = createHandler(() => runtime().deps());
