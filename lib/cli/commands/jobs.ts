import { Argument, type Command, Option } from "commander";
import { JOB_STATES } from "../../core/states.ts";
import { integer, jobId, name, shortId } from "../arguments.ts";
import { type GlobalOptions, optionsOf, withExamples } from "../command.ts";
import { addJobActions, ids, reasonOption } from "./job-actions.ts";
import { jobFilters } from "./job-filters.ts";
import { addJobsBulk } from "./jobs-bulk.ts";
import type {
  JobsCancelOptions,
  JobsFilterOptions,
  JobsListOptions,
  JobsRetryOptions,
  JobsShowOptions,
} from "../run-jobs.ts";

const filters = (command: Command): Command =>
  command
    .addOption(new Option("--state <state>", "only jobs in this state").choices(JOB_STATES))
    .addOption(new Option("--type <type>", "only jobs of this type").argParser(name))
    .addOption(new Option("--queue <name>", "only jobs of this queue").argParser(name));

const addShow = (jobs: Command): void => {
  const show = jobs
    .command("show")
    .description("A job with its payload, result and attempts.")
    .addArgument(new Argument("<id>", "of the job, or its beginning").argParser(shortId))
    .addOption(
      new Option("--life <n>", "as this life of it ended; the newest unless given").argParser(
        integer(1, 2_147_483_647),
      ),
    )
    .action(async (id: string, _, self: Command) => {
      const { runJobsShow } = await import("../run-jobs.ts");
      await runJobsShow(id, optionsOf<JobsShowOptions>(self));
    });
  withExamples(show, [
    ["forgeq jobs show 019ab3c4-5d6e-7f80-9a1b-2c3d4e5f6071", ""],
    ["forgeq jobs show 019ab3c4-5d6e-7f80-9a1b-2c3d4e5f6071 --life 1", "before it was retried by hand"],
  ]);
};

export const addJobs = (program: Command): void => {
  const jobs = program
    .command("jobs")
    .description("List, show, follow, retry, cancel, reschedule, clone and delete jobs.");
  withExamples(jobs, [
    ["forgeq jobs list --state dead", ""],
    ["forgeq jobs list --json | jq -r .id", "a job a line"],
  ]);

  const list = jobFilters(jobs.command("list").description("Jobs, newest first."))
    .addOption(new Option("--limit <jobs>", "how many at most").argParser(integer(1, 1_000_000)).default(25))
    .option("--all", "as many as there are")
    .addOption(new Option("--include <part...>", "with --json").choices(["payload", "result", "attempts"]))
    .action(async (_, self: Command) => {
      const { runJobsList } = await import("../run-jobs.ts");
      await runJobsList(optionsOf<JobsListOptions>(self));
    });
  withExamples(list, [
    ["forgeq jobs list --state dead --queue emails", ""],
    ["forgeq jobs list --state dead,cancelled --payload customer.id=42", ""],
    ["forgeq jobs list --error ECONNREFUSED --created-after 2030-01-31T08:00:00Z", ""],
    ["forgeq jobs list --state dead --all --json | jq -r .id | xargs forgeq jobs retry", "retry what failed for good"],
  ]);

  addShow(jobs);

  const retry = jobs
    .command("retry")
    .description("Let jobs that have ended live again: same id, attempts from zero, due now.")
    .addArgument(ids())
    .addOption(new Option("--life <n>", "only the jobs whose newest life this is").argParser(integer(1, 2_147_483_647)))
    .action(async (given: string[], _, self: Command) => {
      const { runJobsRetry } = await import("../run-jobs.ts");
      await runJobsRetry(given, optionsOf<JobsRetryOptions & GlobalOptions>(self));
    });
  withExamples(retry, [
    ["forgeq jobs retry 019ab3c4-5d6e-7f80-9a1b-2c3d4e5f6071", ""],
    ["forgeq jobs retry 019ab3c4-5d6e-7f80-9a1b-2c3d4e5f6071 --life 1", "safe to repeat: it makes life 2 only once"],
  ]);

  const cancel = jobs
    .command("cancel")
    .description("Cancel jobs: immediately when nothing runs them, by a request to their handlers otherwise.")
    .addArgument(ids())
    .addOption(reasonOption())
    .action(async (given: string[], _, self: Command) => {
      const { runJobsCancel } = await import("../run-jobs.ts");
      await runJobsCancel(given, optionsOf<JobsCancelOptions & GlobalOptions>(self));
    });
  withExamples(cancel, [
    ["forgeq jobs cancel 019ab3c4-5d6e-7f80-9a1b-2c3d4e5f6071", ""],
    ["forgeq jobs cancel 019ab3c4-5d6e-7f80-9a1b-2c3d4e5f6071 --reason 'the customer has left'", ""],
  ]);

  addJobActions(jobs);
  addJobsBulk(jobs);

  const tail = filters(jobs.command("tail"))
    .description(
      "A line whenever one of the newest 100 jobs, or the named one, changes its state, and when any job ends.",
    )
    .addArgument(new Argument("[id]", "follow this job until it has ended").argParser(jobId))
    .action(async (id: string | undefined, _, self: Command) => {
      const { runJobsTail } = await import("../run-jobs-tail.ts");
      await runJobsTail(id, optionsOf<JobsFilterOptions & GlobalOptions>(self));
    });
  withExamples(tail, [
    ["forgeq jobs tail", "until Ctrl-C"],
    ["forgeq jobs tail --type send_email --json", ""],
  ]);
};
