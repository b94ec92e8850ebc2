import { createHash } from "node:crypto";
import { existsSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { BUILD_FOLDER, buildFunctions } from "../deploy/build.ts";
import { printTemplate } from "../deploy/cloud-formation.ts";
import { readManifest, writeManifest } from "../deploy/manifest.ts";
import { deploymentPlan, functionShapes } from "../deploy/plan.ts";
import { zipFolder } from "../deploy/zip.ts";
import { ProjectError } from "../project/project-error.ts";
import type { GlobalOptions } from "./command.ts";
import { UsageError } from "./failure.ts";
import { project } from "./project.ts";
import { print, printJson, say } from "./terminal.ts";

export interface BuildCommandOptions {
  readonly external?: readonly string[];
}

export interface TemplateCommandOptions {
  readonly service?: string;
  readonly stage?: string;
  readonly param?: readonly string[];
  readonly out?: string;
}

/** `forgeq build`: bundles the functions, and zips each under a name that changes with its content. */
export const runBuild = async ({ external = [], json }: BuildCommandOptions & GlobalOptions): Promise<void> => {
  const here = project();
  const { root, jobsFolder, hasJobs } = here;
  if (existsSync(join(root, "lib", "deploy", "build.ts")))
    throw new UsageError("this repository's own functions are built by npm run build");
  if (!hasJobs) throw new UsageError(`there is no folder ${jobsFolder} here: make a project with forgeq init`);
  const jobs = await here.findJobs();
  const without = jobs.find(({ handlerFile }) => handlerFile === null);
  if (without !== undefined)
    throw new ProjectError(`the job type ${without.definition.type} has no handler beside its job`);
  await buildFunctions(root, jobs, { external });
  const folder = resolve(root, BUILD_FOLDER);
  const manifest = readManifest(folder);
  const zips = Object.fromEntries(
    functionShapes(manifest.jobs).map(({ key }) => {
      const zip = zipFolder(join(folder, key));
      const name = `${key}-${createHash("sha256").update(zip).digest("hex").slice(0, 16)}.zip`;
      writeFileSync(join(folder, name), zip);
      return [key, name];
    }),
  );
  writeManifest(folder, { ...manifest, zips });
  if (json === true) printJson({ zips });
  say(`Built ${Object.keys(zips).length} functions of ${jobs.length} job types in ${BUILD_FOLDER}.`);
};

const parseParameter = (text: string): readonly [string, string] => {
  const [, name, value] = /^(\w+)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new UsageError(`--param ${text}: write it as NAME=VALUE`);
  return [name, value];
};

const writeTemplate = (file: string, template: unknown): void => {
  try {
    writeFileSync(file, `${JSON.stringify(template, null, 2)}\n`);
  } catch (error) {
    throw new UsageError(`--out: ${file} can't be written (${(error as NodeJS.ErrnoException).code})`, {
      cause: error,
    });
  }
};

/** `forgeq template`: the CloudFormation of what was built. */
export const runTemplate = (options: TemplateCommandOptions & GlobalOptions): void => {
  const { root, settings } = project();
  const { service = settings.service, stage = settings.stage ?? "dev", param = [] } = options;
  if (service === undefined)
    throw new UsageError("say what the functions' names begin with: --service, or service in forgeq.config.ts");
  const { jobs, zips } = readManifest(resolve(root, BUILD_FOLDER));
  const plan = deploymentPlan({
    service,
    stage,
    jobs,
    parameters: {
      ...(settings.basePath !== undefined && { basePath: settings.basePath }),
      ...settings.deploy,
      ...Object.fromEntries(param.map(parseParameter)),
    },
    handlers: settings.handlers ?? {},
  });
  const template = printTemplate(plan, zips);
  if (options.out !== undefined) writeTemplate(options.out, template);
  else if (options.json === true) printJson(template);
  else print(JSON.stringify(template, null, 2));
};
