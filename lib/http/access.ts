/** What a key may use of what its scopes allow, and what it sees of it. */
import { ForgeqError } from "../core/errors.ts";
import type { JobDefinition } from "../core/job.ts";
import type { Job } from "../db/reads/jobs.ts";
import type { Schedule } from "../db/reads/schedules.ts";
import type { ApiKey } from "./api-keys.ts";
import type { HttpRequest } from "./router.ts";
import { toWireJob, toWireSchedule } from "./wire.ts";

/** The key of a request on a route that needs one. */
export const keyOf = ({ key }: Pick<HttpRequest, "key">): ApiKey => {
  if (key === null) throw new Error("an open route asks for the key");
  return key;
};

/** What a key is bound to; null where it is to nothing. */
export type Bounds = Pick<ApiKey, "types" | "queues">;

/** Jobs of some types or queues only? */
export const isBound = ({ types, queues }: Bounds): boolean => types !== null || queues !== null;

/** May the key use jobs of this type in this queue? */
export const mayUse = ({ types, queues }: Bounds, { type, queue }: { type: string; queue: string }): boolean =>
  (types?.includes(type) ?? true) && (queues?.includes(queue) ?? true);

/** May it send jobs of this type, to a queue that the code names for them? */
export const maySend = (
  key: Bounds,
  { type, queue, queues }: Pick<JobDefinition, "type" | "queue" | "queues">,
): boolean => [queue, ...queues].some((name) => mayUse(key, { type, queue: name }));

/** May it use the queue as a whole? A key of some types alone may not: the jobs of others are in there, too. */
export const mayUseQueue = ({ types, queues }: ApiKey, name: string): boolean =>
  queues?.includes(name) ?? types === null;

/** @throws ForgeqError `forbidden` when the key is bound to other types, or other queues */
export const requireUse = (key: Bounds, of: { readonly type: string; readonly queue: string }): void => {
  if (mayUse(key, of)) return;
  throw new ForgeqError("forbidden", `The API key may not use jobs of type ${of.type} in the queue ${of.queue}`);
};

const maskError = (error: Job["error"]) => error && { name: error.name, message: null };

/** Without `payloads:read`: what the handler and its caller wrote is null. */
const withoutTexts = (job: Job) => {
  const wire = toWireJob(job);
  const { payload, result, attempts, progress } = wire;
  return {
    ...wire,
    ...(payload !== undefined && { payload: null }),
    metadata: null,
    progress: progress && { fraction: progress.fraction },
    ...(result !== undefined && { result: null }),
    error: maskError(job.error),
    ...(attempts !== undefined && { attempts: attempts.map((each) => ({ ...each, error: maskError(each.error) })) }),
    hidden: [
      ...(payload === undefined ? [] : ["payload"]),
      ...["metadata", "progress.note"],
      ...(result === undefined ? [] : ["result"]),
      "error.message",
      ...(attempts === undefined ? [] : ["attempts.error.message"]),
    ],
  };
};

/** Without `jobs:read`: its state and its numbers. */
const withoutContent = (job: Job) => {
  const { payload, result, attempts, ...wire } = toWireJob(job);
  return {
    ...wire,
    ...(payload !== undefined && { payload: null }),
    ...(result !== undefined && { result: null }),
    ...(attempts !== undefined && { attempts: null }),
    ...{ metadata: null, progress: null, error: null },
    hidden: [
      ...(payload === undefined ? [] : ["payload"]),
      ...["metadata", "progress"],
      ...(result === undefined ? [] : ["result"]),
      "error",
      ...(attempts === undefined ? [] : ["attempts"]),
    ],
  };
};

/** A job as the key may see it; `hidden` names what is null for that reason. */
export const showJob = (key: ApiKey, job: Job) => {
  if (!key.scopes.includes("jobs:read") || !mayUse(key, job)) return withoutContent(job);
  return key.scopes.includes("payloads:read") ? toWireJob(job) : withoutTexts(job);
};

/** A schedule as the key may see it. */
export const showSchedule = (key: ApiKey, schedule: Schedule) =>
  key.scopes.includes("jobs:read") && key.scopes.includes("payloads:read")
    ? toWireSchedule(schedule)
    : { ...toWireSchedule(schedule), payload: null, metadata: null, hidden: ["payload", "metadata"] };
