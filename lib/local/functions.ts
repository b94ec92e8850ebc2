import { join } from "node:path";
import type { JobDefinition } from "../core/job.ts";
import { functionShapes } from "../deploy/plan.ts";
import type { FunctionSettings } from "./local-function.ts";

/** How many events each runs concurrently here. */
const CONCURRENT = { dispatcher: 4, scheduler: 2, "failed-invocation": 4 } as const;
const CONCURRENT_HANDLERS = 8;

/** Of Lambda, for a function that says nothing else: six hours. */
const LONGEST_EVENT_AGE_SECONDS = 21_600;

/** The functions of the deployment plan that are invoked asynchronously; a test compares them with what is deployed. */
export const localFunctions = (
  root: string,
  service: string,
  jobs: readonly JobDefinition[],
): Record<string, FunctionSettings> =>
  Object.fromEntries(
    functionShapes(jobs).flatMap(({ key, timeoutSeconds, events }): [string, FunctionSettings][] => {
      if (events === null) return [];
      const settings = {
        file: join(root, ".build", key, "index.mjs"),
        timeoutSeconds,
        concurrency: key in CONCURRENT ? CONCURRENT[key as keyof typeof CONCURRENT] : CONCURRENT_HANDLERS,
        maximumRetryAttempts: events.maximumRetryAttempts,
        maximumEventAgeSeconds: events.maximumEventAgeSeconds ?? LONGEST_EVENT_AGE_SECONDS,
        ...(events.onFailure === "failed-invocation" && { onFailure: `${service}-failed-invocation` }),
      };
      return [[`${service}-${key}`, settings]];
    }),
  );
