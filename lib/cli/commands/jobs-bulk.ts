import { type Command, Option } from "commander";
import { integer } from "../arguments.ts";
import { type Example, leaveConfigOut, optionsOf, withExamples } from "../command.ts";
import type { BulkOptions } from "../run-jobs-bulk.ts";
import { reasonOption, whenOptions } from "./job-actions.ts";
import { jobFilters } from "./job-filters.ts";

const ACTIONS = {
  retry: {
    about: "Let the jobs that a filter means live again: dead ones, unless --state says otherwise.",
    examples: [
      ["forgeq jobs bulk retry --error ECONNREFUSED --dry-run", "counts them by type, queue and error"],
      ["forgeq jobs bulk retry --error ECONNREFUSED", "until Ctrl-C, or to the end"],
    ],
  },
  cancel: {
    about: "Cancel the jobs that a filter means: all that have not ended, unless --state says otherwise.",
    examples: [["forgeq jobs bulk cancel --type crawl_page --payload customer.id=42", ""]],
  },
  delete: {
    about: "Forget the jobs that a filter means: all that have ended, unless --state says otherwise.",
    examples: [["forgeq jobs bulk delete --state dead --created-before 2030-01-31T08:00:00Z", ""]],
  },
  reschedule: {
    about: "Move the waiting jobs that a filter means to another instant, or to another priority.",
    examples: [["forgeq jobs bulk reschedule --queue emails --delay 1h", ""]],
  },
} as const satisfies Record<string, { readonly about: string; readonly examples: readonly Example[] }>;

/** At most this many jobs in one transaction: a test compares it with MAX_MANY. */
export const MAX_SLICE = 500;

export const addJobsBulk = (jobs: Command): void => {
  const bulk = jobs
    .command("bulk")
    .description("Retry, cancel, delete or reschedule all jobs that a filter means, slice by slice, until Ctrl-C.");
  withExamples(bulk, [["forgeq jobs bulk retry --state dead --queue emails --dry-run", ""]]);
  for (const action of Object.keys(ACTIONS) as (keyof typeof ACTIONS)[]) {
    const command = jobFilters(leaveConfigOut(bulk.command(action).description(ACTIONS[action].about)))
      .option("--all", "needed without a filter: every job")
      .option("--dry-run", "change nothing; count up to 10,000 jobs by type, queue and error")
      .addOption(new Option("--slice <jobs>", "in one transaction").argParser(integer(1, MAX_SLICE)).default(100))
      .action(async (_, self: Command) => {
        const { runJobsBulk } = await import("../run-jobs-bulk.ts");
        await runJobsBulk(action, optionsOf<BulkOptions>(self));
      });
    if (action === "reschedule") whenOptions(command);
    if (action === "cancel") command.addOption(reasonOption());
    withExamples(command, ACTIONS[action].examples);
  }
};
