import { type Command, InvalidArgumentError, Option } from "commander";
import { JOB_STATES } from "../../core/states.ts";
import type { EachFilter } from "../../http/job-filter.ts";
import { instant, jobId, name, texts, wordsBy } from "../arguments.ts";

const state = (text: string): string => {
  if ((JOB_STATES as readonly string[]).includes(text)) return text;
  throw new InvalidArgumentError(`Allowed choices are ${JOB_STATES.join(", ")}.`);
};

const AGAIN = "with commas between, or given again";

/** An option for each filter of `GET /jobs`, by the filter's name. */
const OPTIONS = {
  state: () =>
    new Option("--state <states>", `only jobs in these states, ${AGAIN}`).choices(JOB_STATES).argParser(wordsBy(state)),
  type: () => new Option("--type <types>", `only jobs of these types, ${AGAIN}`).argParser(wordsBy(name)),
  queue: () => new Option("--queue <names>", `only jobs of these queues, ${AGAIN}`).argParser(wordsBy(name)),
  id: () => new Option("--id <ids>", `only these jobs, ${AGAIN}`).argParser(wordsBy(jobId)),
  unique_key: () => new Option("--unique-key <key>", "only jobs with this unique key"),
  error: () =>
    new Option("--error <text>", "a text of the last error in any case, or a fingerprint that forgeq errors shows"),
  created_after: () =>
    new Option("--created-after <instant>", "made at or after it, as 2030-01-31T08:00:00Z").argParser(instant),
  created_before: () => new Option("--created-before <instant>", "made before it").argParser(instant),
  payload: () =>
    new Option("--payload <path=value>", "what lies at a path of the payload, as customer.id=42").argParser(texts),
  metadata: () => new Option("--metadata <path=value>", "the same of the metadata").argParser(texts),
} satisfies EachFilter<() => Option>;

/** The filters of GET /jobs: a job must meet all that are given. */
export const jobFilters = (command: Command): Command =>
  Object.values(OPTIONS).reduce((all, option) => all.addOption(option()), command);
