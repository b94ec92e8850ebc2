import { Argument, type Command, InvalidArgumentError, Option } from "commander";
import { SCOPES } from "../../core/scopes.ts";
import { integer, nameList } from "../arguments.ts";
import { optionsOf, withExamples } from "../command.ts";
import { UsageError } from "../failure.ts";
import type { KeyOptions } from "../run-keys.ts";

const scopeList = (text: string): string[] => {
  const scopes = text.split(",").map((each) => each.trim());
  const unknown = scopes.find((scope) => !(SCOPES as readonly string[]).includes(scope));
  if (unknown !== undefined) throw new InvalidArgumentError(`${unknown} is none of ${SCOPES.join(", ")}.`);
  return scopes;
};

export const addKeys = (program: Command): void => {
  const keys = program.command("keys").description("Make, list and revoke keys of the HTTP API in the database.");
  withExamples(keys, [["forgeq keys list", ""]]);

  const create = keys
    .command("create")
    .description("Make a key and print it, this once. It needs FORGEQ_SECRET, the same one as the server's.")
    .addArgument(new Argument("<label>", "whose it is, or what for"))
    .addOption(
      new Option("--scopes <scopes>", `what it may do, as a,b: ${SCOPES.join(", ")}`)
        .argParser(scopeList)
        .makeOptionMandatory(),
    )
    .addOption(new Option("--types <types>", "the only job types that it may use, as a,b").argParser(nameList))
    .addOption(new Option("--queues <queues>", "the only queues that it may use, as a,b").argParser(nameList))
    .addOption(new Option("--days <days>", "after which it expires").argParser(integer(1, 3_650)))
    .action(
      async (
        label: string,
        options: Omit<KeyOptions, "types" | "queues"> & { types?: unknown; queues?: unknown },
        self: Command,
      ) => {
        if (options.types === "none" || options.queues === "none")
          throw new UsageError("a key of no types or queues can do nothing: leave the option out for all");
        const { runKeysCreate } = await import("../run-keys.ts");
        await runKeysCreate(label, optionsOf<KeyOptions>(self));
      },
    );
  withExamples(create, [
    ["forgeq keys create web --scopes jobs:write", ""],
    ["forgeq keys create prometheus --scopes metrics:read --days 365", ""],
  ]);

  const list = keys
    .command("list")
    .description("Keys of the database: what they may do, when they expire, when they were last used.")
    .action(async (_, self: Command) => {
      const { runKeysList } = await import("../run-keys.ts");
      await runKeysList(optionsOf<object>(self));
    });
  withExamples(list, [["forgeq keys list --json | jq 'select(.revoked_at == null)'", ""]]);

  const revoke = keys
    .command("revoke")
    .description("End a key, within a minute.")
    .addArgument(new Argument("<id>", "of the key, as forgeq keys list shows it"))
    .action(async (id: string, _, self: Command) => {
      const { runKeysRevoke } = await import("../run-keys.ts");
      await runKeysRevoke(id, optionsOf<object>(self));
    });
  withExamples(revoke, [["forgeq keys revoke fq_0123456789ab", ""]]);
};
