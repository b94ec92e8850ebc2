import middy from "@middy/core";
import type { Context } from "aws-lambda";
import type { Deps } from "../lib/queue/deps.ts";
import { tick, type TickReport } from "../lib/queue/tick.ts";
import { runtime } from "../lib/runtime.ts";

/** Every minute, by EventBridge. Safe to run twice at once. */
export const createHandler = (deps: () => Promise<Deps>) =>
  middy(async (_event: unknown, context: Context): Promise<TickReport> =>
    tick(await deps(), () => context.getRemainingTimeInMillis()),
  );

export const handler = createHandler(() => runtime().deps());
