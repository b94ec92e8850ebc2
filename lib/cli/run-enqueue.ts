import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { parseJson } from "../core/document.ts";
import { checkJob } from "../http/new-job.ts";
import { toWireJob } from "../http/wire.ts";
import { enqueueJobs } from "../queue/enqueue/enqueue-jobs.ts";
import type { GlobalOptions } from "./command.ts";
import { openDeps } from "./deps.ts";
import type { EnqueueCommandOptions } from "./enqueue-options.ts";
import { describeFieldErrors, UsageError } from "./failure.ts";
import { projectTypes } from "./project.ts";
import { followJob } from "./follow-job.ts";
import { print, printJson, say } from "./terminal.ts";
import { messageOf } from "../core/reason.ts";

/** A JSON value given as it is, as @FILE, or as - for standard input. */
const readValue = async (given: string, option: string): Promise<unknown> => {
  const source = given === "-" ? text(process.stdin) : given.startsWith("@") ? readFile(given.slice(1), "utf8") : given;
  const content = await Promise.resolve(source).catch((cause: NodeJS.ErrnoException) => {
    throw new UsageError(`${option}: ${given.slice(1)} can't be read (${cause.code ?? cause.message})`);
  });
  try {
    return parseJson(content);
  } catch (error) {
    throw new UsageError(`${option} is not JSON: ${messageOf(error)}`);
  }
};

/** The job as the HTTP API takes it, so that both check it alike. */
const toEnvelope = async (options: EnqueueCommandOptions): Promise<Record<string, unknown>> => {
  if (options.type === undefined) throw new UsageError("give --type, or --file for many jobs");
  return {
    type: options.type,
    payload: await readValue(options.payload ?? "{}", "--payload"),
    ...(options.id !== undefined && { id: options.id }),
    ...(options.queue !== undefined && { queue: options.queue }),
    ...(options.priority !== undefined && { priority: options.priority }),
    ...(options.runAt !== undefined && { run_at: options.runAt.toISOString() }),
    ...(options.delay !== undefined && { delay_seconds: options.delay }),
    ...(options.maxAttempts !== undefined && { max_attempts: options.maxAttempts }),
    ...(options.uniqueKey !== undefined && { unique_key: options.uniqueKey }),
    ...(options.metadata !== undefined && { metadata: await readValue(options.metadata, "--metadata") }),
  };
};

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
  const open = await openDeps(options, { migrate: "definitions" });
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
    if (ended.state !== "completed") process.exitCode = 1;
  } finally {
    await open.close();
  }
};
