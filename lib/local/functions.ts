import { join } from "node:path";
import type { JobDefinition } from "../core/job.ts";
import { functionTimeoutSeconds } from "../core/timeout.ts";
import type { FunctionSettings } from "./local-function.ts";

const CONCURRENT_INVOCATIONS = 8;

/** The functions that are invoked asynchronously, with the settings of serverless.yml; a test compares the two. */
export const localFunctions = (
  root: string,
  service: string,
  jobs: readonly JobDefinition[],
): Record<string, FunctionSettings> => {
  const file = (key: string) => join(root, ".build", key, "index.mjs");
  const settings = { maximumRetryAttempts: 0, maximumEventAgeSeconds: 60 };
  const onFailure = `${service}-failed-invocation`;
  return {
    [`${service}-dispatcher`]: { file: file("dispatcher"), timeoutSeconds: 300, concurrency: 4, ...settings },
    [`${service}-scheduler`]: {
      file: file("scheduler"),
      timeoutSeconds: 120,
      concurrency: 2,
      maximumRetryAttempts: 2,
      maximumEventAgeSeconds: 600,
    },
    [onFailure]: {
      file: file("failed-invocation"),
      timeoutSeconds: 30,
      concurrency: 4,
      maximumRetryAttempts: 2,
      maximumEventAgeSeconds: 21_600,
    },
    ...Object.fromEntries(
      jobs.map((job) => [
        `${service}-handler-${job.type}`,
        {
          file: file(`handler-${job.type}`),
          timeoutSeconds: functionTimeoutSeconds(job.timeoutSeconds),
          concurrency: CONCURRENT_INVOCATIONS,
          onFailure,
          ...settings,
        },
      ]),
    ),
  };
};
