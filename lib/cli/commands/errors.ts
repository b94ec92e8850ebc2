import { type Command, Option } from "commander";
import { name, wordsBy } from "../arguments.ts";
import { optionsOf, withExamples } from "../command.ts";
import type { ErrorsOptions } from "../run-errors.ts";
import { WINDOWS } from "../windows.ts";

export const addErrors = (program: Command): void => {
  const command = program
    .command("errors")
    .description("The errors of the newest failed attempts, in groups, most attempts first.")
    .addOption(new Option("--window <time>", "how far back").choices(WINDOWS).default("24h", "24h"))
    .addOption(new Option("--type <types>", "only of these types, with commas between").argParser(wordsBy(name)))
    .addOption(new Option("--queue <names>", "only of these queues, with commas between").argParser(wordsBy(name)))
    .action(async (_, self: Command) => {
      const { runErrors } = await import("../run-errors.ts");
      await runErrors(optionsOf<ErrorsOptions>(self));
    });
  withExamples(command, [
    ["forgeq errors --window 1h", ""],
    ["forgeq errors --json | jq -r .fingerprint", "for forgeq jobs list --error"],
  ]);
};
