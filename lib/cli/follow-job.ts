import { ForgeqError } from "../core/errors.ts";
import type { Deps } from "../queue/deps.ts";
import { getJob, type Job } from "../queue/manage/read-jobs.ts";
import { paintMessage, printable, say } from "./terminal.ts";

const FIRST_PAUSE_SECONDS = 0.05;
const LONGEST_PAUSE_SECONDS = 1;
const LONELY_LOOKS = 15;

/** How a state is written to a person. */
export const stateStyle = (state: Job["state"]) =>
  (
    ({
      completed: "green",
      dead: "red",
      cancelled: "yellow",
      running: "cyan",
      leased: "cyan",
      pending: "blue",
      scheduled: "dim",
    }) as const
  )[state];

/** Waits until a job has ended, and says each change of its state. */
export const followJob = async (deps: Deps, id: string): Promise<Job> => {
  let said = "";
  let waited = 0;
  for (let reads = 0; ; reads += 1) {
    const job = await getJob(deps, id);
    if (job === null) throw new ForgeqError("not_found", "the job is gone: its queue keeps no completed jobs");
    const error = job.error === null || job.state === "completed" ? "" : `: ${printable(job.error.message)}`;
    const line = `${job.state}, attempt ${job.attempt} of ${job.maxAttempts}${error}`;
    if (line !== said) say(`${paintMessage(stateStyle(job.state), job.state)}${line.slice(job.state.length)}`);
    said = line;
    if (job.finishedAt !== null) return job;
    waited = job.state === "pending" ? waited + 1 : 0;
    if (waited === LONELY_LOOKS) say("It waits for a worker: is one running? (forgeq worker)");
    await deps.sleep(Math.min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 1.5 ** reads));
  }
};
