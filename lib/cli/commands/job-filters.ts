import { type Command, InvalidArgumentError, Option } from "commander";
import { JOB_STATES } from "../../core/states.ts";
import { instant, jobId, name, texts, wordsBy } from "../arguments.ts";

const state = (text: string): string => {
  if ((JOB_STATES as readonly string[]).includes(text)) return text;
  throw new InvalidArgumentError(`Allowed choices are ${JOB_STATES.join(", ")}.`);
};

const AGAIN = "with commas between, or given again";

/** The filters of GET /jobs: a job must meet all that are given. */
export const jobFilters = (command: Command): Command =>
  command
    .addOption(
      new Option("--state <states>", `only jobs in these states, ${AGAIN}`)
        .choices(JOB_STATES)
        .argParser(wordsBy(state)),
    )
    .addOption(new Option("--type <types>", `only jobs of these types, ${AGAIN}`).argParser(wordsBy(name)))
    .addOption(new Option("--queue <names>", `only jobs of these queues, ${AGAIN}`).argParser(wordsBy(name)))
    .addOption(new Option("--id <ids>", `only these jobs, ${AGAIN}`).argParser(wordsBy(jobId)))
    .option("--unique-key <key>", "only jobs with this unique key")
    .option("--error <text>", "a text of the last error in any case, or a fingerprint that forgeq errors shows")
    .addOption(
      new Option("--created-after <instant>", "made at or after it, as 2030-01-31T08:00:00Z").argParser(instant),
    )
    .addOption(new Option("--created-before <instant>", "made before it").argParser(instant))
    .addOption(
      new Option("--payload <path=value>", "what lies at a path of the payload, as customer.id=42").argParser(texts),
    )
    .addOption(new Option("--metadata <path=value>", "the same of the metadata").argParser(texts));
