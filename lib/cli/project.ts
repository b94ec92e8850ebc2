import { withAliases } from "../core/aliases.ts";
import type { JobDefinition } from "../core/job.ts";
import { type Definitions, openProject, type Project } from "../project/project.ts";

let current: Project | undefined;

/** From now on this is the project that the command is about. */
export const useProject = (project: Project): void => {
  current = project;
};

/** The project that the command is about: the config file's; the one of this folder where there is none. */
export const project = (): Project => (current ??= openProject(process.cwd()));

/** The job types and queues of the project; none where it has no folder with job types. */
export const projectDefinitions = (): Promise<Definitions> => project().definitions();

/** The project's job types by their names. */
export const projectTypes = async (): Promise<ReadonlyMap<string, JobDefinition>> =>
  new Map(withAliases((await projectDefinitions()).jobs).map((job) => [job.type, job]));
