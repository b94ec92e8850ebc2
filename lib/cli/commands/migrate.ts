import type { Command } from "commander";
import { optionsOf, withExamples } from "../command.ts";
import type { MigrateCommandOptions } from "../run-migrate.ts";

export const addMigrate = (program: Command): void => {
  const command = program
    .command("migrate")
    .description(
      "Bring the schema to this version, then synchronise job types and queues. Additive and safe to repeat.",
    )
    .option("--dry-run", "list what would be applied, and change nothing")
    .option("--check", "exit 1 when something would be applied, and change nothing")
    .option("--adopt-from <owner>", "take over the types and queues of another SERVICE-STAGE, which has stopped")
    .option("--discard-jobs", "with --adopt-from: cancel its jobs first")
    .option("--force", "migrate although newer code has made the database; adopt although that owner may be running")
    .action(async (_, self: Command) => {
      const { runMigrate } = await import("../run-migrate.ts");
      await runMigrate(optionsOf<MigrateCommandOptions>(self));
    });
  withExamples(command, [
    ["forgeq migrate", "of DATABASE_URL"],
    ["FORGEQ_STAGE=prod forgeq migrate", "types and queues belong to this stage"],
    ["FORGEQ_STAGE=next forgeq migrate --adopt-from forgeq-prod", "# in a copy of production's database"],
    ["forgeq migrate --check", "in a pipeline: is the database behind this code?"],
  ]);
};
