import type { IdentifiedJob } from "../../core/new-job.ts";
import { toForgeqError } from "../drivers/call.ts";
import { binaryIds } from "./binary-ids.ts";
import type { LeasedDetails } from "./leased-job.ts";

/**
 * What a new job has in addition to its id, type, queue and payload, as SQL names it: a line of `details` of forgeq.enqueue_lines. A new field of a job
 * is added here and in `isPlain`; what JSON.stringify finds undefined is left out.
 */
const detailsOf = (job: IdentifiedJob) => ({
  priority: job.priority,
  run_at: job.runAt,
  delay_seconds: job.delaySeconds,
  max_attempts: job.maxAttempts,
  metadata: job.metadata,
  depth: job.depth,
  traceparent: job.traceparent,
});

const isDue = ({ runAt, delaySeconds }: IdentifiedJob): boolean => runAt === undefined && delaySeconds === undefined;

const isPlain = (job: IdentifiedJob): boolean =>
  isDue(job) &&
  job.priority === undefined &&
  job.maxAttempts === undefined &&
  job.metadata === undefined &&
  job.depth === undefined &&
  job.traceparent === undefined;

/** One document of jobs, as forgeq.enqueue_many takes them. */
export const documentOf = (jobs: readonly IdentifiedJob[]): string =>
  JSON.stringify(
    jobs.map((job) => ({
      id: job.id,
      type: job.type,
      payload: job.payload,
      queue: job.queue,
      unique_key: job.uniqueKey,
      on_conflict: job.onConflict,
      start_before: job.startBefore,
      ...detailsOf(job),
    })),
  );

/** Simple jobs, as forgeq.enqueue_lines takes them. */
export interface Lines {
  readonly ids: readonly string[];
  /** A line of JSON for each id. */
  readonly payloads: string;
  readonly types: readonly string[];
  /** The jobs of each of several types. */
  readonly counts: readonly number[] | null;
  /** Null where the jobs go to their types' queues. */
  readonly queue: string | null;
  /** A line of JSON for each id; null where no job has any. */
  readonly details: string | null;
  /** All are due when they are stored. */
  readonly due: boolean;
}

// A payload of null is left to the statement that refuses it.
const isSimple = ({ uniqueKey, startBefore, payload }: IdentifiedJob): boolean =>
  uniqueKey === undefined && startBefore === undefined && payload !== undefined && payload !== null;

/** Of one type and queue, due now, and none with a unique key: what can be begun by the statement that stores it. */
export const areAlike = (jobs: readonly IdentifiedJob[]): boolean => {
  const [first] = jobs;
  return (
    first !== undefined &&
    jobs.every((job) => job.type === first.type && job.queue === first.queue && isDue(job) && isSimple(job))
  );
};

const linesOf = (jobs: readonly IdentifiedJob[], part: (job: IdentifiedJob) => unknown): string =>
  jobs.map((job) => JSON.stringify(part(job))).join("\n");

const countTypes = (jobs: readonly IdentifiedJob[]): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>();
  for (const { type } of jobs) counts.set(type, (counts.get(type) ?? 0) + 1);
  return counts;
};

/** @returns null where the jobs need the general path: a unique key, an instant before which they start, a payload of null, or different queues */
export const toLines = (jobs: readonly IdentifiedJob[]): Lines | null => {
  const [first] = jobs;
  if (first === undefined || !jobs.every(isSimple)) return null;
  const { type, queue } = first;
  const alike = jobs.every((job) => job.type === type);
  if (!jobs.every((job) => job.queue === queue) || (!alike && queue !== undefined)) return null;
  const plain = alike && jobs.every(isPlain);
  const perType = alike ? new Map([[type, jobs.length]]) : countTypes(jobs);
  return {
    ids: jobs.map(({ id }) => id),
    payloads: linesOf(jobs, ({ payload }) => payload),
    types: [...perType.keys()],
    counts: alike ? null : [...perType.values()],
    queue: queue ?? null,
    details: plain ? null : linesOf(jobs, alike ? detailsOf : (job) => ({ type: job.type, ...detailsOf(job) })),
    due: plain || jobs.every(isDue),
  };
};

/** The parameters of forgeq.enqueue_lines that say what to store. */
export const lineParams = ({ ids, payloads, types, queue, details, counts }: Lines, binary: boolean) =>
  [binary ? binaryIds(ids) : `{${ids.join(",")}}`, payloads, types, queue, details, counts] as const;

/** The lines of details, as the worker that begins these jobs reads them. */
export const detailLines = (details: string | null): readonly (LeasedDetails | null)[] =>
  details?.split("\n").map((line) => JSON.parse(line) as LeasedDetails) ?? [];

/**
 * Jobs stored alike, as forgeq.enqueue_lines answers: a batch of a thousand is one group, and names no ids when all jobs, or all of a type, are in it. A list, of which a driver
 * has less to read than of a column for each.
 */
export type StoredGroup = readonly [
  created: boolean,
  queue: string | null,
  priority: number | null,
  maxAttempts: number | null,
  runAt: string | null,
  createdAt: string | null,
  requestedIds: readonly string[] | null,
  ids: readonly string[] | null,
  announced: boolean | null,
  /** In an answer for several types: the jobs of this one. */
  type?: string,
];

/**
 * What became of one job of an enqueue. `id` differs from `requestedId` when a live job held the unique key. The rest is null where the job was there
 * already; priority and attempts are the type's where the job has none of its own.
 */
export interface EnqueuedRow {
  readonly requestedId: string;
  readonly id: string;
  readonly created: boolean;
  readonly queue: string | null;
  readonly priority: number | null;
  readonly maxAttempts: number | null;
  readonly runAt: Date | null;
  readonly createdAt: Date | null;
  /** By the database's clock, 0 for a job that is due. */
  readonly dueSeconds: number | null;
  /** Taken by the call that stored it: `leased` for the caller to invoke, `running` where a worker has begun it. */
  readonly taken: "leased" | "running" | null;
  /** Listening workers are told of it with the commit. */
  readonly announced: boolean;
}

const toDate = (text: string | null): Date | null => (text === null ? null : new Date(text));

const secondsBetween = (from: Date | null, to: Date | null): number | null =>
  from === null || to === null ? null : Math.max(0, (to.getTime() - from.getTime()) / 1000);

type TakenOf = (id: string, created: boolean) => EnqueuedRow["taken"];

/** Makes the rows of one group. */
const rowMaker = (group: StoredGroup, takenOf: TakenOf): ((requestedId: string, id: string) => EnqueuedRow) => {
  const [created, queue, priority, maxAttempts, runAtText, createdAtText, , , announced] = group;
  const runAt = toDate(runAtText);
  const createdAt = toDate(createdAtText);
  const dueSeconds = secondsBetween(createdAt, runAt);
  // Written out: a copy to which properties are added takes twice the memory.
  return (requestedId, id) => ({
    requestedId,
    id,
    created,
    queue,
    priority,
    maxAttempts,
    runAt,
    createdAt,
    dueSeconds,
    taken: takenOf(id, created),
    announced: announced === true,
  });
};

/** What forgeq.enqueue_or_refuse answers. */
export type Answer =
  | { readonly jobs: readonly AnsweredJob[] }
  | { readonly refused: { readonly code: string; readonly message: string; readonly [detail: string]: unknown } };

interface AnsweredJob {
  readonly requested_id: string;
  readonly id: string;
  readonly created: boolean;
  readonly queue: string | null;
  readonly priority: number | null;
  readonly max_attempts: number | null;
  readonly run_at: string | null;
  readonly created_at: string | null;
}

/** The rows of an answer. @throws {ForgeqError} what Postgres would have raised */
export const rowsOfAnswer = (answer: Answer): EnqueuedRow[] => {
  if ("refused" in answer) {
    const { code, message, ...detail } = answer.refused;
    throw toForgeqError(Object.assign(new Error(message), { code, detail: JSON.stringify(detail) }));
  }
  return answer.jobs.map(({ requested_id, id, created, queue, priority, max_attempts, run_at, created_at }) =>
    rowMaker([created, queue, priority, max_attempts, run_at, created_at, null, null, false], () => null)(
      requested_id,
      id,
    ),
  );
};

/** A row for each job: in the order of the jobs where the groups are types or there is only one, otherwise in that of the groups. */
export const toRows = (
  groups: readonly StoredGroup[],
  jobs: readonly IdentifiedJob[],
  takenOf: TakenOf = () => null,
): EnqueuedRow[] => {
  const [first] = groups;
  if (first?.[9] !== undefined) {
    const ofType = new Map(groups.map((group) => [group[9], rowMaker(group, takenOf)]));
    return jobs.flatMap(({ id, type }) => ofType.get(type)?.(id, id) ?? []);
  }
  return groups.flatMap((group) => {
    const row = rowMaker(group, takenOf);
    const [, , , , , , requestedIds, ids] = group;
    if (requestedIds === null) return jobs.map(({ id }) => row(id, id));
    return requestedIds.map((requestedId, index) => row(requestedId, ids?.[index] ?? requestedId));
  });
};
