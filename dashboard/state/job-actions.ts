/** Actions on one job. A retry names the life that was seen, so that it can be sent again after a lost answer. */
import { call, messageOf } from "./api.ts";
import { refresh } from "./live.ts";
import { say } from "./toast.ts";
import type { Job, ListedJob } from "./wire.ts";

export type JobAction = "retry" | "cancel" | "reschedule" | "clone" | "delete";

const DONE: Readonly<Record<JobAction, string>> = {
  retry: "is pending again",
  cancel: "is cancelled, or has been asked to stop",
  reschedule: "is rescheduled",
  clone: "has been cloned",
  delete: "is deleted",
};

type Seen = Pick<ListedJob, "id" | "life" | "type">;

/** @returns what the API answered; undefined: it was refused, which has been said */
export const actOnJob = async (action: JobAction, job: Seen, more: object = {}): Promise<Job | null | undefined> => {
  try {
    const body = action === "retry" ? { life: job.life, ...more } : more;
    const answer =
      action === "delete"
        ? await call<null>("DELETE", `jobs/${job.id}`)
        : await call<Job>("POST", `jobs/${job.id}/${action}`, Object.keys(body).length > 0 ? { body } : {});
    say(`${job.type} ${DONE[action]}.`);
    void refresh();
    return answer;
  } catch (error) {
    say(messageOf(error));
    return undefined;
  }
};
