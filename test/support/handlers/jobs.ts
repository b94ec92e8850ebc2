import * as z from "zod";
import { defineJob, defineQueue } from "../../../lib/core/define.ts";

const retry = { maxAttempts: 3, backoff: { type: "list", delaysSeconds: [1, 2], jitter: "none" } } as const;

/** Misbehaves as its payload says: see handler faulty.ts. */
export const faulty = defineJob({
  type: "faulty",
  queue: "shared",
  payload: z.object({
    act: z.enum(["throw", "bury", "snooze", "exit", "hang", "work"]),
    /** Acts so only in attempts up to this one. */
    until: z.int().default(1),
    /** `work` ends when this file exists, with the attempt's number after its name; `snooze` comes back once it does, with the job's id. */
    gate: z.string().default(""),
  }),
  retry,
  timeoutSeconds: 20,
  batchSize: 1,
});

/** Does what it should. */
export const steady = defineJob({ type: "steady", queue: "shared", payload: z.object({}), retry, batchSize: 1 });

/** Enqueues the next of a chain, in a span of the application's own. */
export const relay = defineJob({
  type: "relay",
  queue: "shared",
  payload: z.object({ hops: z.int(), failures: z.int().default(0) }),
  retry: { maxAttempts: 3, backoff: { type: "fixed", seconds: 0, jitter: "none" } },
  batchSize: 1,
});

/** Says what it was given wherever a handler can say something that is stored: see handler leaky.ts. */
export const leaky = defineJob({
  type: "leaky",
  queue: "shared",
  payload: z.object({
    act: z.enum(["return", "return_too_much", "return_what_is_no_json", "throw", "bury", "time_out", "exit"]),
    secret: z.string(),
  }),
  retry: { maxAttempts: 2, backoff: { type: "fixed", seconds: 0, jitter: "none" } },
  timeoutSeconds: 1,
  batchSize: 1,
});

/** Its module fails to load. */
export const unloadable = defineJob({
  type: "unloadable",
  queue: "shared",
  payload: z.object({}),
  retry,
  batchSize: 1,
});

export const shared = defineQueue({ name: "shared", maxInFlight: 8 });
