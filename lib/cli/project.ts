import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { JobDefinition, QueueDefinition } from "../core/job.ts";

export interface Definitions {
  readonly jobs: readonly JobDefinition[];
  readonly queues: readonly QueueDefinition[];
}

/** A module of the project that the command runs in, or null where there is no such file. */
export const loadProjectModule = async <Module>(file: string, root = process.cwd()): Promise<Module | null> => {
  const path = join(resolve(root), file);
  return existsSync(path) ? ((await import(pathToFileURL(path).href)) as Module) : null;
};

/** The job types and queues of the project that the command runs in; none where it has no functions folder. */
export const projectDefinitions = async (): Promise<Definitions> => {
  const [registry, queues] = await Promise.all([
    loadProjectModule<{ jobs: readonly JobDefinition[] }>("functions/registry.ts"),
    loadProjectModule<{ queues: readonly QueueDefinition[] }>("functions/queues.ts"),
  ]);
  return { jobs: registry?.jobs ?? [], queues: queues?.queues ?? [] };
};

/** The project's job types by their names. */
export const projectTypes = async (): Promise<ReadonlyMap<string, JobDefinition>> =>
  new Map((await projectDefinitions()).jobs.map((job) => [job.type, job]));
