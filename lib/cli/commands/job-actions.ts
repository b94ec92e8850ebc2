import { Argument, type Command, Option } from "commander";
import { instant, integer, jobId, reason, seconds, shortId } from "../arguments.ts";
import { optionsOf, withExamples } from "../command.ts";
import type { RescheduleOptions } from "../reschedule-options.ts";
import type { CloneOptions } from "../run-job-actions.ts";

/** Several ids. */
export const ids = (): Argument =>
  new Argument("<id...>", "jobs, or their beginnings").argParser((text: string, before: unknown) => [
    ...(Array.isArray(before) ? (before as string[]) : []),
    shortId(text),
  ]);

/** Why jobs are cancelled. */
export const reasonOption = (): Option =>
  new Option("--reason <text>", "why: the error of the job, once it is cancelled").argParser(reason);

/** Where jobs that wait are moved to. */
export const whenOptions = (command: Command): Command =>
  command
    .addOption(
      new Option("--run-at <instant>", "a past one is now, as 2030-01-31T08:00:00Z")
        .argParser(instant)
        .conflicts("delay"),
    )
    .addOption(new Option("--delay <duration>", "from now on, as 5m").argParser(seconds))
    .addOption(new Option("--priority <0-9>", "lower first").argParser(integer(0, 9)));

/** What is done to jobs besides retrying and cancelling them. */
export const addJobActions = (jobs: Command): void => {
  const reschedule = whenOptions(
    jobs
      .command("reschedule")
      .description("Move jobs that wait to another instant, or to another priority.")
      .addArgument(ids()),
  ).action(async (given: string[], _, self: Command) => {
    const { runJobsReschedule } = await import("../run-job-actions.ts");
    await runJobsReschedule(given, optionsOf<RescheduleOptions>(self));
  });
  withExamples(reschedule, [["forgeq jobs reschedule 019ab3c4-5d6e-7f80-9a1b-2c3d4e5f6071 --delay 1h", ""]]);

  const clone = jobs
    .command("clone")
    .description("Enqueue a job like this one, with an id of its own. Prints that id.")
    .addArgument(new Argument("<id>", "of the job").argParser(jobId))
    .option("--payload <json>", "instead of the other job's; @FILE to read it from there, - for standard input")
    .addOption(new Option("--delay <duration>", "not before this has passed, as 5m").argParser(seconds))
    .action(async (id: string, _, self: Command) => {
      const { runJobsClone } = await import("../run-job-actions.ts");
      await runJobsClone(id, optionsOf<CloneOptions>(self));
    });
  withExamples(clone, [["forgeq jobs clone 019ab3c4-5d6e-7f80-9a1b-2c3d4e5f6071 --payload @mail.json", ""]]);

  const remove = jobs
    .command("delete")
    .description("Forget jobs that have ended, with all their lives and attempts.")
    .addArgument(ids())
    .action(async (given: string[], _, self: Command) => {
      const { runJobsDelete } = await import("../run-job-actions.ts");
      await runJobsDelete(given, optionsOf<object>(self));
    });
  withExamples(remove, [["forgeq jobs delete 019ab3c4-5d6e-7f80-9a1b-2c3d4e5f6071", ""]]);
};
