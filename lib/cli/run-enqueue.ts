import { checkJob } from "../http/new-job.ts";
import { toWireJob } from "../http/wire.ts";
import { enqueueJobs } from "../queue/enqueue/enqueue-jobs.ts";
import type { GlobalOptions } from "./command.ts";
import { openDeps } from "./deps.ts";
import { type EnqueueCommandOptions, toEnvelope } from "./enqueue-options.ts";
import { describeFieldErrors } from "./failure.ts";
import { projectTypes } from "./project.ts";
import { followJob } from "./follow-job.ts";
import { print, printable, printJson, say } from "./terminal.ts";

/** `forgeq enqueue`, one job; --file is in run-enqueue-file.ts. */
export const runEnqueue = async (options: EnqueueCommandOptions & GlobalOptions): Promise<void> => {
  if (options.file !== undefined) {
    const { runEnqueueFile } = await import("./run-enqueue-file.ts");
    return runEnqueueFile({ ...options, file: options.file });
  }
  const envelope = await toEnvelope(options);
  const types = await projectTypes();
  const checked = await checkJob(types, envelope).catch((error: unknown) => {
    throw describeFieldErrors(error);
  });
  // Who waits reads what became of the job.
  const part = options.wait === true ? "server" : "enqueue";
  const open = await openDeps(options, { migrate: "definitions", part });
  try {
    const [enqueued] = await enqueueJobs(open.deps, [checked]);
    if (enqueued === undefined) throw new Error("the enqueue gave no answer");
    const { job, created } = enqueued;
    say(created ? `Enqueued ${job.type} in ${job.queue}.` : `It was there already, ${job.state}.`);
    if (options.wait !== true) {
      if (options.json === true) printJson(toWireJob(job));
      else print(job.id);
      return;
    }
    if (options.json !== true) print(job.id);
    const ended = await followJob(open.deps, job.id);
    if (options.json === true) printJson(toWireJob(ended));
    else if (ended.state === "completed") say(`Result: ${printable(JSON.stringify(ended.result))}`);
    if (ended.state !== "completed") process.exitCode = 1;
  } finally {
    await open.close();
  }
};
