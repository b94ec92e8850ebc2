import { ForgeqError } from "../core/errors.ts";
import { checkTypedPayload } from "../http/new-job.ts";
import { toWireJob } from "../http/wire.ts";
import { cloneJob } from "../queue/manage/clone-job.ts";
import { deleteJob } from "../queue/manage/delete-job.ts";
import { getJob } from "../queue/manage/read-jobs.ts";
import { rescheduleJob } from "../queue/manage/reschedule-job.ts";
import type { GlobalOptions } from "./command.ts";
import { withDeps } from "./deps.ts";
import { readValue } from "./enqueue-options.ts";
import { describeFieldErrors } from "./failure.ts";
import { projectTypes } from "./project.ts";
import { type RescheduleOptions, toReschedule } from "./reschedule-options.ts";
import { eachJob, required } from "./run-jobs.ts";
import { print, printJson, say } from "./terminal.ts";

/** `forgeq jobs reschedule` */
export const runJobsReschedule = async (
  ids: readonly string[],
  options: RescheduleOptions & GlobalOptions,
): Promise<void> => {
  const to = toReschedule(options);
  return eachJob(ids, options, async (deps, id) => {
    const outcome = await rescheduleJob(deps, id, to);
    if (outcome === "not_found") return required(null, id).id;
    if (typeof outcome === "object")
      throw new ForgeqError("illegal_state", `it is ${outcome.illegal}: only jobs that wait are rescheduled`);
    const job = required(await getJob(deps, id), id);
    return `runs at ${job.runAt.toISOString()}, with priority ${job.priority}`;
  });
};

export interface CloneOptions {
  readonly payload?: string;
  readonly delay?: number;
}

/** `forgeq jobs clone`: prints the new job's id. */
export const runJobsClone = async (id: string, options: CloneOptions & GlobalOptions): Promise<void> => {
  const given = options.payload === undefined ? undefined : await readValue(options.payload, "--payload");
  return withDeps(options, { migrate: "schema", part: "api" }, async (deps) => {
    const job = required(await getJob(deps, id), id);
    const payload =
      given === undefined
        ? undefined
        : await checkTypedPayload(await projectTypes(), job.type, given).catch((error: unknown) => {
            throw describeFieldErrors(error);
          });
    const clone = await cloneJob(deps, job, {
      ...(payload !== undefined && { payload }),
      ...(options.delay !== undefined && { delaySeconds: options.delay }),
    });
    say(`Enqueued ${clone.type} in ${clone.queue}, like ${id}.`);
    if (options.json === true) printJson(toWireJob(clone));
    else print(clone.id);
  });
};

/** `forgeq jobs delete` */
export const runJobsDelete = (ids: readonly string[], options: GlobalOptions): Promise<void> =>
  eachJob(ids, options, async (deps, id) => {
    const { state } = required(await getJob(deps, id), id);
    if ((await deleteJob(deps, id)) === "live")
      throw new ForgeqError("illegal_state", `it is ${state}: only jobs that have ended are deleted`);
    if (options.json === true) printJson({ id, deleted: true });
    return "gone, with its lives and attempts";
  });
