import { Command, Option } from "commander";
import { withExamples } from "./command.ts";
import { addBuild, addTemplate } from "./commands/template.ts";
import { addCompletion } from "./commands/completion.ts";
import { addDashboard } from "./commands/dashboard.ts";
import { addDev } from "./commands/dev.ts";
import { addDoctor } from "./commands/doctor.ts";
import { addEnqueue } from "./commands/enqueue.ts";
import { addErrors } from "./commands/errors.ts";
import { addId } from "./commands/id.ts";
import { addAdd, addInit } from "./commands/init.ts";
import { addJobs } from "./commands/jobs.ts";
import { addKeys } from "./commands/keys.ts";
import { addMigrate } from "./commands/migrate.ts";
import { addQueues } from "./commands/queues.ts";
import { addSchedules } from "./commands/schedules.ts";
import { addServer } from "./commands/server.ts";
import { addStats } from "./commands/stats.ts";
import { addWorker } from "./commands/worker.ts";
import { printable, say } from "./terminal.ts";

/** Every command of `forgeq`. A command's own code is loaded when it runs, so that help and completion stay fast. */
const COMMANDS: readonly ((program: Command) => void)[] = [
  addInit,
  addAdd,
  addDev,
  addServer,
  addWorker,
  addDashboard,
  addEnqueue,
  addId,
  addJobs,
  addQueues,
  addSchedules,
  addKeys,
  addStats,
  addErrors,
  addBuild,
  addTemplate,
  addMigrate,
  addDoctor,
  addCompletion,
];

export const createProgram = (): Command => {
  const program = new Command("forgeq")
    .description("A job queue that lives in your own Postgres.")
    .exitOverride()
    .showSuggestionAfterError(true)
    .showHelpAfterError("(forgeq --help lists commands and options)")
    .configureOutput({ writeErr: (text) => say(printable(text.replace(/\n$/, ""))) })
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .addOption(new Option("--json", "data as JSON on stdout, one document a line"))
    .addOption(new Option("--wide", "tables as wide as their values, on a narrow terminal, too"))
    .addOption(
      new Option("--database-url <url>", "any Postgres or Neon URL; without one, the embedded Postgres").env(
        "DATABASE_URL",
      ),
    )
    .addOption(
      new Option("--dir <folder>", "where the embedded Postgres, its mails and its key live")
        .default(".forgeq")
        .env("FORGEQ_DIR"),
    )
    .addOption(
      new Option("--config <file>", "settings, instead of forgeq.config.ts, .js, .mjs or .json").env("FORGEQ_CONFIG"),
    );
  withExamples(program, [
    ["forgeq dev", "server and worker, handlers restarted when their files change"],
    ['forgeq enqueue --type send_email --payload \'{"email":"test@example.com"}\'', "store a job"],
    ["forgeq jobs list --state dead", "what failed for good"],
  ]);
  for (const add of COMMANDS) add(program);
  program.hook("preAction", async (_, command) => {
    const { useConfig } = await import("./use-config.ts");
    await useConfig(program, command);
  });
  return program;
};
