import type { Command } from "commander";
import { Option } from "commander";
import { instant, integer, jobId, name, seconds } from "../arguments.ts";
import { ON_CONFLICT } from "../../core/job.ts";
import { optionsOf, withExamples } from "../command.ts";
import type { EnqueueCommandOptions } from "../enqueue-options.ts";

/** An option for each field of a job, and what is said of many. */
export const addEnqueue = (program: Command): void => {
  const command = program
    .command("enqueue")
    .description("Store a job, or the jobs of a file. Prints the job's id.")
    .addOption(new Option("--type <type>", "of the job").argParser(name))
    .option("--payload <json>", "the payload, @FILE to read it from there, - for standard input", "{}")
    .addOption(new Option("--queue <name>", "instead of the type's").argParser(name))
    .addOption(new Option("--priority <0-9>", "lower first").argParser(integer(0, 9)))
    .addOption(
      new Option("--run-at <instant>", "not before, as 2030-01-31T08:00:00Z").argParser(instant).conflicts("delay"),
    )
    .addOption(new Option("--delay <duration>", "not before this has passed, as 5m").argParser(seconds))
    .addOption(
      new Option(
        "--start-before <instant>",
        "from then on it is cancelled instead of started, as 2030-01-31T08:05:00Z",
      ).argParser(instant),
    )
    .addOption(new Option("--max-attempts <number>", "instead of the type's").argParser(integer(1, 1000)))
    .option("--unique-key <key>", "at most one live job of a type has it; the job that holds it is the answer")
    .addOption(new Option("--on-conflict <what>", "where a job holds the unique key").choices(ON_CONFLICT))
    .addOption(
      new Option("--id <uuid>", "of your own, as forgeq id makes it: sent twice, it is stored once").argParser(jobId),
    )
    .option("--metadata <json>", "an object kept with the job; @FILE and - as with --payload");
  const ofOneJob = command.options.map((option) => option.attributeName()).filter((name) => name !== "payload");
  command
    .addOption(
      new Option(
        "--file <ndjson>",
        "many jobs, one as JSON a line, as POST /jobs takes it; - for standard input",
      ).conflicts([...ofOneJob, "wait"]),
    )
    .option("--skip-invalid", "with --file: enqueue the good lines although others are bad")
    .option("--wait", "follow the job to its end; exit 0 when it completes, 1 otherwise")
    .action(async (_, self: Command) => {
      const { runEnqueue } = await import("../run-enqueue.ts");
      await runEnqueue(optionsOf<EnqueueCommandOptions>(self));
    });
  withExamples(command, [
    ['forgeq enqueue --type send_email --payload \'{"email":"test@example.com"}\'', ""],
    ["forgeq enqueue --type crawl_page --payload @page.json --delay 5m --priority 2", ""],
    ["forgeq enqueue --type send_email --payload - --wait < mail.json", "exit by its outcome"],
    ["forgeq enqueue --file jobs.ndjson", "all of its lines, or none when one is bad"],
  ]);
};
