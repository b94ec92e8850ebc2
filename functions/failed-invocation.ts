import middy from "@middy/core";
import type { Deps } from "../lib/queue/deps.ts";
import { type FailedInvocationOutcome, handleFailedInvocation } from "../lib/queue/failed-invocation.ts";
import { runtime } from "../lib/runtime.ts";

/** The on-failure destination of the handlers. A record delivered again finds its lease closed and changes nothing. */
export const createHandler = (deps: () => Promise<Deps>) =>
  middy(async (record: unknown): Promise<{ readonly outcome: FailedInvocationOutcome }> => ({
    outcome: await handleFailedInvocation(await deps(), record),
  }));

export const handler = createHandler(() => runtime().deps());
