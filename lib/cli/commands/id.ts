import { Argument, type Command } from "commander";
import { instant } from "../arguments.ts";
import { type GlobalOptions, optionsOf, withExamples } from "../command.ts";

export const addId = (program: Command): void => {
  const command = program
    .command("id")
    .description("The id of a job that you have a name for: the same key and instant give the same id.")
    .argument("<key>", "of your own, as order-42")
    .addArgument(
      new Argument("<made-at>", "when what the key names was made, as 2030-01-31T08:00:00Z").argParser(instant),
    )
    .action(async (key: string, madeAt: Date, _, self: Command) => {
      const { runId } = await import("../run-id.ts");
      runId(key, madeAt, optionsOf<GlobalOptions>(self));
    });
  withExamples(command, [
    ["forgeq id order-42 2030-01-31T08:00:00Z", "as forgeq.id_of('order-42', '2030-01-31T08:00:00Z') in SQL"],
    ['forgeq enqueue --type send_email --payload @mail.json --id "$(forgeq id order-42 "$MADE_AT")"', "stored once"],
  ]);
};
