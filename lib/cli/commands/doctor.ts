import type { Command } from "commander";
import { optionsOf, withExamples } from "../command.ts";

export const addDoctor = (program: Command): void => {
  const command = program
    .command("doctor")
    .description(
      "Find what is wrong, and say how to mend it: connection, server, durability, schema, pooler, clock, dispatch. Exit 1 on a problem.",
    )
    .action(async (_, self: Command) => {
      const { runDoctor } = await import("../run-doctor.ts");
      await runDoctor(optionsOf<object>(self));
    });
  withExamples(command, [
    ["forgeq doctor", ""],
    ["forgeq doctor --json | jq 'select(.level == \"problem\")'", ""],
  ]);
};
