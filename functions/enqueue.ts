import { createEnqueue } from "../lib/functions/create-enqueue.ts";
import { enqueueFunction } from "../lib/functions/enqueue.ts";
import type { JobDefinition } from "../lib/core/job.ts";
import { jobs } from "./registry.ts";

type Arguments = Parameters<typeof createEnqueue>;

/** The function with dependencies of its own, for tests. */
export const createHandler = (
  deps: Arguments[0],
  keys: Arguments[1],
  definitions: readonly JobDefinition[] = jobs,
  before?: Arguments[3],
) => createEnqueue(deps, keys, definitions, before);

export const handler = enqueueFunction(jobs);
