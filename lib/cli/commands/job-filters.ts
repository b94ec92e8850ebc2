import { type Command, InvalidArgumentError, Option } from "commander";
import { JOB_STATES } from "../../core/states.ts";
import type { EachFilter } from "../../http/job-filter.ts";
import { instant, jobId, name, texts, wordsBy } from "../arguments.ts";

const state = (text: string): string => {
  if ((JOB_STATES as readonly string[]).includes(text)) return text;
  throw new InvalidArgumentError(`Allowed choices are ${JOB_STATES.join(", ")}.`);
};

const AGAIN = "with commas between, or given again";

type MakeOption = (value: string, about: string) => Option;

/** For each filter of `GET /jobs` the option that has its name. */
const OPTIONS = {
  state: (option) =>
    option("<states>", `only jobs in these states, ${AGAIN}`).choices(JOB_STATES).argParser(wordsBy(state)),
  type: (option) => option("<types>", `only jobs of these types, ${AGAIN}`).argParser(wordsBy(name)),
  queue: (option) => option("<names>", `only jobs of these queues, ${AGAIN}`).argParser(wordsBy(name)),
  id: (option) => option("<ids>", `only these jobs, ${AGAIN}`).argParser(wordsBy(jobId)),
  unique_key: (option) => option("<key>", "only jobs with this unique key"),
  error: (option) =>
    option("<text>", "a text of the last error in any case, or a fingerprint that forgeq errors shows"),
  created_after: (option) => option("<instant>", "made at or after it, as 2030-01-31T08:00:00Z").argParser(instant),
  created_before: (option) => option("<instant>", "made before it").argParser(instant),
  payload: (option) => option("<path=value>", "what lies at a path of the payload, as customer.id=42").argParser(texts),
  metadata: (option) => option("<path=value>", "the same of the metadata").argParser(texts),
} satisfies EachFilter<(option: MakeOption) => Option>;

/** The filters of GET /jobs: a job must meet all that are given. */
export const jobFilters = (command: Command): Command =>
  Object.entries(OPTIONS).reduce(
    (all, [filter, make]) =>
      all.addOption(make((value, about) => new Option(`--${filter.replaceAll("_", "-")} ${value}`, about))),
    command,
  );
