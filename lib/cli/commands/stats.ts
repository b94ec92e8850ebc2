import { type Command, Option } from "commander";
import { seconds } from "../arguments.ts";
import { optionsOf, withExamples } from "../command.ts";
import type { StatsOptions } from "../run-stats.ts";

export const addStats = (program: Command): void => {
  const command = program
    .command("stats")
    .description("The queues' numbers as a live table; once where the output is no terminal.")
    .addOption(new Option("--interval <duration>", "between two readings").argParser(seconds).default(2, "2s"))
    .option("--once", "one reading")
    .action(async (_, self: Command) => {
      const { runStats } = await import("../run-stats.ts");
      await runStats(optionsOf<StatsOptions>(self));
    });
  withExamples(command, [
    ["forgeq stats", "until Ctrl-C"],
    ["forgeq stats --json | jq .jobs.pending", ""],
  ]);
};
