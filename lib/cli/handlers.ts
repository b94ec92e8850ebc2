import type { Handler } from "../queue/worker/leases.ts";
import { UsageError } from "./failure.ts";
import { project } from "./project.ts";

/** The handlers of the project, by job type. */
export const projectHandlers = async (): Promise<ReadonlyMap<string, Handler>> => {
  const handlers = await project().handlers();
  if (handlers.size === 0)
    throw new UsageError(
      `there are no job types in ${project().jobsFolder}: run this in a project's folder, or make one with forgeq init`,
    );
  return handlers;
};
