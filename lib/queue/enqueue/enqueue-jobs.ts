import { DEFAULTS } from "../../core/job.ts";
import { ForgeqError } from "../../core/errors.ts";
import { checkedRunAt } from "../../core/job-time.ts";
import { uniqueKeyFault } from "../../core/controls.ts";
import { uuidV7 } from "../../core/uuid.ts";
import type { IdentifiedJob, NewJob } from "../../core/new-job.ts";
import type { Sql } from "../../db/drivers/client.ts";
import { enqueueManyIn } from "../../db/protocol/enqueue.ts";
import type { EnqueuedRow } from "../../db/protocol/enqueue-wire.ts";
import { type CompletedLately, findCompletedLately } from "../../db/reads/completed-lately.ts";
import { findStoredJob } from "../../db/reads/stored-job.ts";
import { enqueuedJob, type Job } from "../../db/reads/jobs.ts";
import { armNextMinute } from "../wake/arm.ts";
import type { Deps, TracedJob, Tracing } from "../deps.ts";
import type { Caller } from "./admission.ts";
import { storeJobs } from "./store-jobs.ts";
import { WAIT_HORIZON_SECONDS, wakeDispatcher } from "../wake/wake-dispatcher.ts";

export interface EnqueuedJob {
  /** False where the id, or a live job with the unique key, was there already: `job` is that one. */
  readonly created: boolean;
  readonly job: Job;
}

/** With an id, made for this call unless the caller gave one. */
const identify = (job: NewJob, index: number): IdentifiedJob => {
  if ((job.depth ?? 0) > DEFAULTS.maxDepth) {
    throw new ForgeqError("chain_too_deep", `jobs that enqueue jobs may do so ${DEFAULTS.maxDepth} deep`);
  }
  const fault = job.uniqueKey === undefined ? null : uniqueKeyFault(job.uniqueKey);
  if (fault !== null)
    throw new ForgeqError("invalid_job", `unique_key ${fault}`, {
      index,
      errors: [{ pointer: "/unique_key", message: fault }],
    });
  return {
    ...job,
    id: job.id ?? uuidV7(),
    runAt: checkedRunAt(job, index),
    delaySeconds: job.delaySeconds === 0 ? undefined : job.delaySeconds,
  };
};

const isFresh = (jobs: readonly NewJob[]): boolean => jobs.every((job) => job.id === undefined);

/** The item that the database blames, by its place in the call. */
const blame = (error: unknown, items: readonly IdentifiedJob[]): never => {
  if (error instanceof ForgeqError && typeof error.details["requested_id"] === "string") {
    const index = items.findIndex((item) => item.id === error.details["requested_id"]);
    throw new ForgeqError(error.code, error.message, { ...error.details, index }, { cause: error.cause });
  }
  throw error;
};

type RowOrNone = EnqueuedRow | undefined;

/** The rows in the order of the items, which they nearly always have. */
const inOrder = (items: readonly IdentifiedJob[], rows: readonly EnqueuedRow[]): readonly RowOrNone[] => {
  if (items.every(({ id }, index) => rows[index]?.requestedId === id)) return rows;
  const byRequest = new Map(rows.map((row) => [row.requestedId, row]));
  return items.map(({ id }) => byRequest.get(id));
};

/** Adjacent jobs of the same type and queue are counted in one call. */
const countEnqueued = (deps: Deps, items: readonly IdentifiedJob[], rows: readonly RowOrNone[]): void => {
  let counted = 0;
  items.forEach(({ type }, index) => {
    const { created = false, queue = null } = rows[index] ?? {};
    if (created) counted += 1;
    const goesOn = items[index + 1]?.type === type && rows[index + 1]?.queue === queue;
    if (goesOn || queue === null || counted === 0) return;
    deps.metrics.count("JobsEnqueued", counted, { queue, type });
    counted = 0;
  });
};

/**
 * Stores jobs durably, all or none, then wakes the dispatcher, or invokes their handlers itself (`config.eager`). The
 * answers come in the order of the jobs. Calls of one process at the same time share statements; each gets its own answer or its
 * own error.
 *
 * @throws {ForgeqError} `unknown_type`, `unknown_queue`, `queue_full`, `id_version`, `id_conflict`, `unique_key_conflict`, `invalid_job`,
 * `chain_too_deep`: nothing was stored, `details.index` names the item; `database_unavailable`, `too_slow`: unknown, send it again with the same ids
 * @param caller - given where it may leave before it is answered: then what waits to be stored is bounded, `busy` says that nothing
 * was, and jobs that were not sent yet when it has left never are
 */
export const enqueueJobs = (deps: Deps, jobs: readonly NewJob[], caller?: Caller): Promise<EnqueuedJob[]> =>
  traced(
    deps.tracing,
    jobs,
    (each) => enqueueTogether(deps, each, caller),
    (answers) => answers.map(({ job }) => job),
  );

/** In one span, whose context the jobs carry. */
const traced = <Result>(
  tracing: Tracing | undefined,
  jobs: readonly NewJob[],
  work: (jobs: readonly NewJob[]) => Promise<Result>,
  stored: (result: Result) => readonly TracedJob[],
): Promise<Result> => {
  if (tracing === undefined) return work(jobs);
  const given = jobs[0]?.traceparent;
  return tracing.send(
    { traceparent: given, jobs: jobs.length },
    (traceparent) => work(traceparent === given ? jobs : jobs.map((job) => ({ ...job, traceparent }))),
    stored,
  );
};

const enqueueTogether = async (
  deps: Deps,
  jobs: readonly NewJob[],
  caller: Caller | undefined,
): Promise<EnqueuedJob[]> => {
  const items = jobs.map(identify);
  const fresh = isFresh(jobs);
  if (deps.armer !== undefined) await armNextMinute(deps);
  const rows = inOrder(
    items,
    await storeJobs(deps, items, fresh, caller).catch((error: unknown) => blame(error, items)),
  );
  countEnqueued(deps, items, rows);

  const created = items.map((item, index) => {
    const row = rows[index];
    return row?.created === true ? { created: true, job: enqueuedJob(item, row) } : null;
  });
  if (created.every((answer) => answer !== null)) return created;

  const found = await Promise.all(
    items.map(async (item, index) => created[index] ?? findStored(deps, item, rows[index], fresh)),
  );
  await wakeForStored(
    deps,
    found.filter(({ job }, index) => rows[index]?.created === false && items[index]?.id === job.id),
  );
  return found.map(({ created, job }) => ({ created, job }));
};

/** An answer, and in how many seconds its job is due where it was there already and is live. */
interface FoundJob extends EnqueuedJob {
  readonly dueSeconds?: number;
}

/** The answer for a job that was there already. */
const findStored = async (
  deps: Deps,
  item: IdentifiedJob,
  row: EnqueuedRow | undefined,
  fresh: boolean,
): Promise<FoundJob> => {
  // An id that was made for this call can only have been stored by it.
  const created = fresh && row?.id === item.id;
  const found = row && (await findStoredJob(deps.db, item, row.id, deps.clock()));
  if (found) return { created, ...found };
  const completed = row?.id === item.id ? await findCompletedLately(deps.db, item.id, deps.clock()) : null;
  if (row === undefined || completed === null)
    throw new ForgeqError("busy", "the job of that id or key ended just now and was not kept", {
      retryAfterSeconds: 1,
    });
  return { created, job: completedJob(item, row, completed) };
};

/** A job of which only its end is known: when it began is not kept, nor what it gave. */
const completedJob = (item: IdentifiedJob, row: EnqueuedRow, { queue, completedAt }: CompletedLately): Job => ({
  ...enqueuedJob(item, { ...row, queue, createdAt: completedAt, runAt: completedAt }),
  state: "completed",
  attempt: 1,
  finishedAt: completedAt,
});

/** Jobs whose id was there already: the call that stored them may have lost its answer, and so its wake. */
const wakeForStored = async (deps: Deps, found: readonly FoundJob[]): Promise<void> => {
  const due = found.find(({ job }) => job.state === "pending");
  if (due !== undefined) return wakeDispatcher(deps, 0, due.job.queue);
  const seconds = found.flatMap(({ job, dueSeconds = 0 }) => (job.state === "scheduled" ? [dueSeconds] : []));
  const soonest = Math.max(0, Math.min(...seconds));
  if (soonest <= WAIT_HORIZON_SECONDS) await wakeDispatcher(deps, soonest);
};

/** The same inside a caller's transaction: no wake, because the commit is the caller's. After a refusal the transaction goes on. */
export const enqueueJobsIn = (
  tx: Sql,
  jobs: readonly NewJob[],
  at: Date | null,
  tracing?: Tracing,
): Promise<EnqueuedRow[]> =>
  traced(
    tracing,
    jobs,
    (each) => storeIn(tx, each, at),
    (rows) => rows,
  );

const storeIn = async (tx: Sql, jobs: readonly NewJob[], at: Date | null): Promise<EnqueuedRow[]> => {
  const items = jobs.map(identify);
  const rows = await enqueueManyIn(tx, items, isFresh(jobs), at).catch((error: unknown) => blame(error, items));
  const byRequest = new Map(rows.map((row) => [row.requestedId, row]));
  return items.map((item) => byRequest.get(item.id)).filter((row) => row !== undefined);
};
