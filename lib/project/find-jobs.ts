import { existsSync, readdirSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { namesOf } from "../core/aliases.ts";
import type { JobDefinition } from "../core/job.ts";
import { importFile } from "./config.ts";
import { ProjectError } from "./project-error.ts";

/** Of a module that is there as a source and as built, the source is newer. */
const EXTENSIONS = [".ts", ".mts", ".js", ".mjs"];

/** Where one job type of a project is. */
export interface FoundJob {
  readonly definition: JobDefinition;
  /** The module with the definition, and the name under which it exports it. */
  readonly jobFile: string;
  readonly exportName: string;
  /** Null where the folder has none, which only who runs the job minds. */
  readonly handlerFile: string | null;
}

/** The module of this name in a folder, whatever its extension; null where there is none. */
export const findModule = (folder: string, name: string): string | null => {
  const found = EXTENSIONS.map((extension) => join(folder, name + extension)).find((file) => existsSync(file));
  return found ?? null;
};

const isDefinition = (value: unknown): value is JobDefinition => {
  const { type, payload, retry } = (value ?? {}) as Partial<JobDefinition>;
  return typeof type === "string" && typeof payload?.safeParse === "function" && typeof retry === "object";
};

/** Loads a module. @throws {ProjectError} that says why it can't be loaded */
export type LoadModule = <Module>(name: string, url: string) => Promise<Module>;

const readJob = async (root: string, folder: string, jobFile: string, load: LoadModule): Promise<FoundJob> => {
  const name = relative(root, jobFile);
  const exported = Object.entries(await load<object>(name, pathToFileURL(jobFile).href));
  const found = exported.filter((each): each is [string, JobDefinition] => isDefinition(each[1]));
  const [first, another] = found;
  if (first === undefined) throw new ProjectError(`${name} exports no job type made by defineJob()`);
  if (another !== undefined && another[1] !== first[1])
    throw new ProjectError(`${name} exports two job types, ${first[1].type} and ${another[1].type}: each has a folder`);
  return { definition: first[1], jobFile, exportName: first[0], handlerFile: findModule(folder, "handler") };
};

const refuseTwice = (root: string, jobs: readonly FoundJob[]): void => {
  const files = new Map<string, string>();
  for (const { definition, jobFile } of jobs) {
    for (const name of namesOf(definition)) {
      const other = files.get(name);
      if (other !== undefined)
        throw new ProjectError(
          `the job type ${name} is defined twice: in ${relative(root, other)} and in ${relative(root, jobFile)}`,
        );
      files.set(name, jobFile);
    }
  }
};

/**
 * The job types of a folder: one in each folder in it that holds a `job` module, in the order of their names.
 *
 * @param root - what the names in messages are relative to
 * @throws {ProjectError} when there is no such folder, or when a module does not hold one job type of its own
 */
export const findJobs = async (
  root: string,
  folder: string,
  load: LoadModule = importFile,
): Promise<readonly FoundJob[]> => {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new ProjectError(`there is no folder ${relative(root, folder) || folder} with job types`);
  const folders = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(folder, name))
    .sort();
  const jobs = await Promise.all(
    folders.flatMap((each) => {
      const file = findModule(each, "job");
      return file === null ? [] : [readJob(root, each, file, load)];
    }),
  );
  refuseTwice(root, jobs);
  return jobs;
};
