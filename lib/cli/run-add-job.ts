import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { namesOf } from "../core/aliases.ts";
import { findModule } from "../project/find-jobs.ts";
import type { GlobalOptions } from "./command.ts";
import { UsageError } from "./failure.ts";
import { hasModules, readPackageFile, runnerOf } from "./init/package-file.ts";
import { jobFiles } from "./init/templates.ts";
import { writeFiles } from "./init/write-files.ts";
import { project } from "./project.ts";
import { printJson, say } from "./terminal.ts";

/** `forgeq add job NAME`: a folder with the type, its handler and a test. */
export const runAddJob = async (type: string, options: GlobalOptions): Promise<void> => {
  const { root, jobsFolder, hasJobs } = project();
  if (!hasJobs) throw new UsageError(`there is no folder ${jobsFolder} here: make a project with forgeq init`);
  const content = readPackageFile(root);
  const folder = join(jobsFolder, type);
  const taken = existsSync(resolve(root, jobsFolder)) ? await project().findJobs() : [];
  const same = taken.find(({ definition }) => namesOf(definition).includes(type));
  if (same !== undefined || findModule(resolve(root, folder), "job") !== null)
    throw new UsageError(`there is a job type ${type} already: nothing was changed`);
  const isForgeq = content.name === "forgeq" && existsSync(join(root, "lib", "job.ts"));
  const extension = hasModules(content) ? ".ts" : ".mts";
  const files = jobFiles(type, { root, jobsFolder, extension, isForgeq, runner: runnerOf(content) });
  writeFiles(root, files);
  if (options.json === true) printJson({ files: Object.keys(files) });
  for (const file of Object.keys(files)) say(`wrote ${file}`);
  say(`Run it: npx forgeq dev, then npx forgeq enqueue --type ${type} --payload '{"name":"Ada"}' --wait`);
};
