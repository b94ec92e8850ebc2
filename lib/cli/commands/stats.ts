import { type Command, InvalidArgumentError, Option } from "commander";
import { name, seconds, wordsBy } from "../arguments.ts";
import { optionsOf, withExamples } from "../command.ts";
import { UsageError } from "../failure.ts";
import type { PeriodOptions } from "../run-period-stats.ts";
import type { StatsOptions } from "../run-stats.ts";
import { WINDOWS } from "../windows.ts";

/** Between two readings of every queue. */
const interval = (text: string): number => {
  const value = seconds(text);
  if (value >= 0.1) return value;
  throw new InvalidArgumentError("Give a duration of 100ms at least.");
};

export const addStats = (program: Command): void => {
  const command = program
    .command("stats")
    .description(
      "The queues' numbers as a live table; once where the output is no terminal. With --window what happened in that time.",
    )
    .addOption(new Option("--interval <duration>", "between two readings").argParser(interval).default(2, "2s"))
    .option("--once", "one reading")
    .addOption(
      new Option("--window <time>", "instead, what happened in this time")
        .choices(WINDOWS)
        .conflicts(["interval", "once"]),
    )
    .addOption(new Option("--type <types>", "with --window: only of these types").argParser(wordsBy(name)))
    .addOption(new Option("--queue <names>", "with --window: only of these queues").argParser(wordsBy(name)))
    .action(async (_, self: Command) => {
      const options = optionsOf<PeriodOptions & Partial<StatsOptions>>(self);
      if (options.window !== undefined) {
        const { runPeriodStats } = await import("../run-period-stats.ts");
        return runPeriodStats({ ...options, window: options.window });
      }
      if (options.type !== undefined || options.queue !== undefined)
        throw new UsageError("--type and --queue are for --window");
      const { runStats } = await import("../run-stats.ts");
      await runStats(optionsOf<StatsOptions>(self));
    });
  withExamples(command, [
    ["forgeq stats", "until Ctrl-C"],
    ["forgeq stats --window 24h --queue emails", ""],
    ["forgeq stats --json | jq .jobs.pending", ""],
  ]);
};
