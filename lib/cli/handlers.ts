import type { JobHandler } from "../job.ts";
import type { Handler } from "../queue/worker/leases.ts";
import { UsageError } from "./failure.ts";
import { loadProjectModule, projectDefinitions } from "./project.ts";

/** The handlers of the project that the command runs in, by job type: the exports of functions/handlers/TYPE/handler.ts. */
export const projectHandlers = async (): Promise<ReadonlyMap<string, Handler>> => {
  const { jobs } = await projectDefinitions();
  if (jobs.length === 0)
    throw new UsageError("there are no job types here: run this in a project's folder, where functions/registry.ts is");
  const loaded = await Promise.all(
    jobs.map(async ({ type }) => {
      const file = `functions/handlers/${type}/handler.ts`;
      const handler = (await loadProjectModule<{ handler?: JobHandler }>(file))?.handler;
      if (typeof handler?.work !== "function") throw new Error(`${file} exports no handler made by lambdaHandler()`);
      return [type, { definition: handler.definition, work: handler.work }] as const;
    }),
  );
  return new Map(loaded);
};
