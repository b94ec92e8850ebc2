import { type Command, Option } from "commander";
import { address, integer } from "../arguments.ts";
import { optionsOf, withExamples } from "../command.ts";
import type { ServerCommandOptions } from "../run-server.ts";
import { graceOption } from "./worker.ts";

export const addServer = (program: Command): void => {
  const command = program
    .command("server")
    .description("Serve the HTTP API and run the scheduler, until Ctrl-C. Jobs are run by workers, or on Lambda.")
    .addOption(portOption())
    .addOption(hostOption())
    .option("--no-scheduler", "leave schedules, recovery and clean-up to others")
    .addOption(graceOption())
    .action(async (_, self: Command) => {
      const { runServer } = await import("../run-server.ts");
      await runServer(optionsOf<ServerCommandOptions>(self));
    });
  withExamples(command, [
    ["forgeq server", "on http://127.0.0.1:3000"],
    ["forgeq server --host 0.0.0.0 --port 8080", "for others, in a container"],
  ]);
};

export const portOption = (): Option =>
  new Option("--port <port>", "of the HTTP API; 0 chooses a free one")
    .argParser(integer(0, 65_535))
    .default(3000)
    .env("PORT");

export const hostOption = (): Option =>
  new Option("--host <address>", "to listen on").argParser(address).default("127.0.0.1").env("FORGEQ_HOST");
