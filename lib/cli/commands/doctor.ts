import { type Command, Option } from "commander";
import { integer } from "../arguments.ts";
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
    .option(
      "--connections <count>",
      "say whether Postgres has as many for the functions: the number that serverless package prints",
      integer(1, 1_000_000),
    )
    .action(async (_, self: Command) => {
      const { runDoctor } = await import("../run-doctor.ts");
      await runDoctor(optionsOf<{ readonly part?: UrlPart; readonly connections?: number }>(self));
    });
  withExamples(command, [
    ["forgeq doctor", ""],
    ["forgeq doctor --part worker", "# of the URL that workers get"],
    ["forgeq doctor --connections 62", "# of the URL that functions get"],
    ["forgeq doctor --json | jq 'select(.level == \"problem\")'", ""],
  ]);
};
