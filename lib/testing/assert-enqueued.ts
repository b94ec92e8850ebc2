import { AssertionError } from "node:assert";
import { isDeepStrictEqual } from "node:util";
import type * as z from "zod";
import type { JobDefinition } from "../core/job.ts";
import type { JobOptions } from "../core/new-job.ts";
import type { Job } from "../queue/manage/read-jobs.ts";

/** What a waiting job must have; what is not given may be anything. */
export interface ExpectedJob<Schema extends z.ZodType> extends Pick<
  JobOptions,
  "queue" | "priority" | "maxAttempts" | "uniqueKey" | "runAt" | "delaySeconds" | "metadata"
> {
  /** Some of its fields, each with its whole value; a payload that is no object as a whole. */
  readonly payload?: z.input<Schema> extends object ? Partial<z.input<Schema>> : z.input<Schema>;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Has `actual` each of the fields that `expected` has? As JSON has them, since that is what is stored. */
const has = (actual: unknown, expected: unknown): boolean => {
  const wanted: unknown = JSON.parse(JSON.stringify(expected));
  if (!isObject(wanted)) return isDeepStrictEqual(actual, wanted);
  return isObject(actual) && Object.entries(wanted).every(([name, value]) => isDeepStrictEqual(actual[name], value));
};

const delaySeconds = ({ runAt, createdAt }: Job): number => (runAt.getTime() - createdAt.getTime()) / 1000;

const fits = (job: Job, { payload, metadata, runAt, delaySeconds: delay, ...same }: ExpectedJob<z.ZodType>): boolean =>
  (payload === undefined || has(job.payload, payload)) &&
  (metadata === undefined || has(job.metadata, metadata)) &&
  (runAt === undefined || job.runAt.getTime() === runAt.getTime()) &&
  (delay === undefined || delaySeconds(job) === delay) &&
  Object.entries(same).every(([name, value]) => value === undefined || job[name as keyof typeof same] === value);

/** What of a job an assertion is about. */
const shown = (job: Job) => {
  const { payload, queue, priority, maxAttempts, uniqueKey, metadata, runAt } = job;
  return { payload, queue, priority, maxAttempts, uniqueKey, metadata, runAt, delaySeconds: delaySeconds(job) };
};

/** @throws {AssertionError} that shows the jobs of the type that wait, when none of them is as expected */
export const findExpected = <Schema extends z.ZodType>(
  { type }: JobDefinition<Schema>,
  waiting: readonly Job[],
  expected: ExpectedJob<Schema>,
): Job => {
  const found = waiting.find((job) => fits(job, expected as ExpectedJob<z.ZodType>));
  if (found !== undefined) return found;
  const count = waiting.length === 1 ? "1 job of this type waits" : `${waiting.length} jobs of this type wait`;
  throw new AssertionError({
    message: `no job of the type ${type} is waiting as expected: ${count}\n${JSON.stringify({ expected, waiting: waiting.map(shown) }, null, 2)}`,
    actual: waiting.map(shown),
    expected,
    operator: "assertEnqueued",
  });
};
