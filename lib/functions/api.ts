/** `forgeq/functions/api`: the HTTP API but for enqueueing. */
import type { JobDefinition } from "../core/job.ts";
import { runtime } from "../runtime.ts";
import { createApi } from "./create-api.ts";
import { asFunction, type HttpFunction } from "./lambda-function.ts";

export type { HttpFunction } from "./lambda-function.ts";

/**
 * The api function of these job types, configured by the environment.
 *
 * @param jobs - the list, or what loads it when a request first needs the types' schemas
 */
export const apiFunction = (jobs: readonly JobDefinition[] | (() => Promise<readonly JobDefinition[]>)): HttpFunction =>
  asFunction(
    createApi(
      () => runtime().deps("API"),
      () => runtime().apiKeys(),
      typeof jobs === "function" ? jobs : () => Promise.resolve(jobs),
      () => runtime().arming(),
    ),
  );
