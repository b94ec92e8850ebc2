import type { Db } from "../lib/db/drivers/client.ts";
import type { Deps } from "../lib/queue/deps.ts";
import { realTime } from "../lib/queue/time.ts";

const ignore = (): void => undefined;

/** The dependencies of the use cases, without a dispatcher and without logs. */
export const depsFor = (db: Db): Deps => ({
  db,
  clock: () => null,
  random: Math.random,
  sleep: (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000)),
  time: realTime,
  invoker: { invoke: () => Promise.resolve({ outcome: "accepted" }) },
  logger: { debug: ignore, info: ignore, warn: ignore, error: ignore },
  metrics: { count: ignore, observe: ignore, flush: ignore },
  config: {
    service: "forgeq",
    stage: "bench",
    wakeMode: "always",
    dispatcherFunction: null,
    handlerFunction: (type) => `forgeq-bench-handler-${type}`,
  },
});
