import { type Command, Option } from "commander";
import { optionsOf, withExamples } from "../command.ts";
import { type UrlPart, URL_PARTS } from "../url-parts.ts";

export const addDoctor = (program: Command): void => {
  const command = program
    .command("doctor")
    .description(
      "Find what is wrong, and say how to mend it: connection, role, server, durability, schema, pooler, clock, dispatch. Exit 1 on a problem.",
    )
    .addOption(
      new Option("--part <name>", "say whether the role of the URL may do less or more than this part needs").choices(
        URL_PARTS,
      ),
    )
    .action(async (_, self: Command) => {
      const { runDoctor } = await import("../run-doctor.ts");
      await runDoctor(optionsOf<{ readonly part?: UrlPart }>(self));
    });
  withExamples(command, [
    ["forgeq doctor", ""],
    ["forgeq doctor --part worker", "# of the URL that workers get"],
    ["forgeq doctor --json | jq 'select(.level == \"problem\")'", ""],
  ]);
};
