import type { Command } from "commander";
import { optionsOf, withExamples } from "../command.ts";
import type { DevCommandOptions } from "../run-dev.ts";
import { hostOption, portOption } from "./server.ts";
import { concurrencyOption, graceOption } from "./worker.ts";

export const addDev = (program: Command): void => {
  const command = program
    .command("dev")
    .description("Server and worker together, until Ctrl-C; started again when the project's files change.")
    .addOption(portOption())
    .addOption(hostOption())
    .addOption(concurrencyOption())
    .addOption(graceOption())
    .action(async (_, self: Command) => {
      const { runDev } = await import("../run-dev.ts");
      await runDev(optionsOf<DevCommandOptions>(self));
    });
  withExamples(command, [["forgeq dev", "with the embedded Postgres and a mailbox in .forgeq/"]]);
};
