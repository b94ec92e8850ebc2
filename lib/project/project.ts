import { existsSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { byName } from "../core/aliases.ts";
import type { JobDefinition, QueueDefinition } from "../core/job.ts";
import type { Handler } from "../queue/worker/leases.ts";
import { importFile, type ProjectSettings } from "./config.ts";
import { findJobs, findModule, type FoundJob } from "./find-jobs.ts";
import { ProjectError } from "./project-error.ts";

/** Where the job types of a project are that says nothing else. */
export const DEFAULT_JOBS = "functions/handlers";

export interface Definitions {
  readonly jobs: readonly JobDefinition[];
  readonly queues: readonly QueueDefinition[];
}

/** The project of a folder: its job types, queues and handlers, each read when it is asked for. */
export interface Project {
  readonly root: string;
  readonly settings: ProjectSettings;
  /** Relative to `root`. */
  readonly jobsFolder: string;
  /** Whether there is a folder with job types. */
  readonly hasJobs: boolean;
  /** The job types with their files. */
  findJobs(): Promise<readonly FoundJob[]>;
  /** The job types and queues that it declares; none where it has no folder with job types. */
  definitions(): Promise<Definitions>;
  /** The handlers by every name of their job types. @throws {ProjectError} when a type has none */
  handlers(): Promise<ReadonlyMap<string, Handler>>;
}

/** A list of types that a project made itself, from before job types were looked for. */
const readRegistry = async (root: string): Promise<readonly JobDefinition[]> => {
  const file = findModule(join(root, "functions"), "registry");
  if (file === null) return [];
  const module = await importFile<{ jobs?: readonly JobDefinition[] }>(relative(root, file), pathToFileURL(file).href);
  return module.jobs ?? [];
};

const readQueues = async (root: string, given: ProjectSettings["queues"]): Promise<readonly QueueDefinition[]> => {
  if (typeof given === "object") return given;
  const file = given === undefined ? findModule(join(root, "functions"), "queues") : resolve(root, given);
  if (file === null) return [];
  if (!existsSync(file)) throw new ProjectError(`there is no file ${given} with queues`);
  const name = relative(root, file);
  const { queues } = await importFile<{ queues?: unknown }>(name, pathToFileURL(file).href);
  if (!Array.isArray(queues)) throw new ProjectError(`${name} exports no list named queues`);
  return queues as QueueDefinition[];
};

const readHandler = async (root: string, type: string, folder: string, file: string | null) => {
  if (file === null)
    throw new ProjectError(`${relative(root, folder)} has no handler.ts: the jobs of ${type} need one`);
  const name = relative(root, file);
  const { handler } = await importFile<{ handler?: Handler }>(name, pathToFileURL(file).href);
  if (typeof handler?.work !== "function") throw new ProjectError(`${name} exports no handler made by lambdaHandler()`);
  return { definition: handler.definition, work: handler.work };
};

/**
 * @param root - the folder that the settings' paths are relative to
 * @param settings - where its parts are; the `functions/` layout unless given
 */
export const openProject = (root: string, settings: ProjectSettings = {}): Project => {
  const jobsFolder = settings.jobs ?? DEFAULT_JOBS;
  const folder = resolve(root, jobsFolder);
  const hasJobs = settings.jobs !== undefined || existsSync(folder);
  const find = () => (hasJobs ? findJobs(root, folder) : Promise.resolve([]));
  /** Types of a registry whose folders hold handlers alone. */
  const registered = async (found: readonly FoundJob[]): Promise<readonly JobDefinition[]> =>
    found.length > 0 || settings.jobs !== undefined ? [] : readRegistry(root);
  return {
    root,
    settings,
    jobsFolder,
    hasJobs,
    findJobs: find,
    definitions: async () => {
      const found = await find();
      const jobs = [...found.map(({ definition }) => definition), ...(await registered(found))];
      return { jobs, queues: await readQueues(root, settings.queues) };
    },
    handlers: async () => {
      const found = await find();
      const own = found.map(({ definition: { type }, jobFile, handlerFile }) =>
        readHandler(root, type, join(jobFile, ".."), handlerFile),
      );
      const others = (await registered(found)).map(({ type }) =>
        readHandler(root, type, join(folder, type), findModule(join(folder, type), "handler")),
      );
      return byName(await Promise.all([...own, ...others]));
    },
  };
};
