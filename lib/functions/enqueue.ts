/** `forgeq/functions/enqueue`: `POST /jobs` and `POST /jobs/batch`. */
import type { JobDefinition } from "../core/job.ts";
import { runtime } from "../runtime.ts";
import { createEnqueue } from "./create-enqueue.ts";
import { asFunction, type HttpFunction } from "./lambda-function.ts";

export type { HttpFunction } from "./lambda-function.ts";

/** The enqueue function of these job types, configured by the environment. */
export const enqueueFunction = (jobs: readonly JobDefinition[]): HttpFunction =>
  asFunction(
    createEnqueue(
      () => runtime().deps("ENQUEUE"),
      () => runtime().apiKeys(),
      jobs,
      () => runtime().arming(),
    ),
  );
