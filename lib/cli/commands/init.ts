import { Argument, type Command, InvalidArgumentError, Option } from "commander";
import { name } from "../arguments.ts";
import { type GlobalOptions, optionsOf, withExamples } from "../command.ts";
import type { InitCommandOptions } from "../run-init.ts";

/** A folder inside the project, written with slashes. */
const folder = (text: string): string => {
  const clean = text.replace(/^\.\//, "").replace(/\/+$/, "");
  if (/^[\w.-]+(\/[\w.-]+)*$/.test(clean) && !clean.split("/").includes("..")) return clean;
  throw new InvalidArgumentError("Give a folder inside the project, as src/jobs.");
};

export const addInit = (program: Command): void => {
  const command = program
    .command("init")
    .description("Make this folder's project one with jobs: a config, a first job type with its handler and test.")
    .addOption(new Option("--jobs <folder>", "where the job types go").argParser(folder).default("src/jobs"))
    .option("--no-install", "print the commands that install what it needs")
    .action(async (_, self: Command) => {
      const { runInit } = await import("../run-init.ts");
      await runInit(optionsOf<InitCommandOptions>(self));
    });
  withExamples(command, [["forgeq init", "in a folder with a package.json; nothing is overwritten"]]);
};

export const addAdd = (program: Command): void => {
  const add = program.command("add").description("Add to the project.");
  withExamples(add, [["forgeq add job resize_image", ""]]);
  const job = add
    .command("job")
    .description("A job type: its definition, its handler and a test, in a folder of its own.")
    .addArgument(new Argument("<name>", "of the type").argParser(name))
    .action(async (type: string, _, self: Command) => {
      const { runAddJob } = await import("../run-add-job.ts");
      await runAddJob(type, optionsOf<GlobalOptions>(self));
    });
  withExamples(job, [["forgeq add job resize_image", "in the folder that forgeq.config.ts names"]]);
};
