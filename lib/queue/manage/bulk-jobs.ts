import type { ErrorCode } from "../../core/errors.ts";
import type { JobFilter } from "../../core/job-filter.ts";
import {
  cancelMany,
  deleteMany,
  MAX_MANY,
  type NamedJob,
  type Reschedule,
  rescheduleMany,
  retryMany,
} from "../../db/protocol/many-jobs.ts";
import { type SelectedJob, selectJobs } from "../../db/reads/job-search.ts";
import { databaseNow } from "../../db/reads/now.ts";
import { armNextMinute } from "../wake/arm.ts";
import type { Deps } from "../deps.ts";
import { wakeDispatcher } from "../wake/wake-dispatcher.ts";

export type { SelectedJob } from "../../db/reads/job-search.ts";
export { MAX_MANY } from "../../db/protocol/many-jobs.ts";

export const BULK_ACTIONS = ["retry", "cancel", "delete", "reschedule"] as const;
export type BulkAction = (typeof BULK_ACTIONS)[number];

/** What an action is for, where the filter names no state. */
const STATES = {
  retry: ["dead"],
  cancel: ["scheduled", "pending", "leased", "running"],
  delete: ["completed", "dead", "cancelled"],
  reschedule: ["scheduled", "pending"],
} as const satisfies Record<BulkAction, JobFilter["states"]>;

/** The code that says why a job was left as it is; absent where it was not. */
const CODES: Readonly<Partial<Record<string, ErrorCode>>> = {
  live: "illegal_state",
  finished: "illegal_state",
  held: "illegal_state",
  stale: "stale_life",
  not_found: "not_found",
  unique_key: "unique_key_conflict",
  payload_gone: "payload_gone",
  queue_gone: "unknown_queue",
  busy: "busy",
};

export interface Slice {
  readonly jobs: readonly SelectedJob[];
  readonly next: string | null;
  readonly searchedTo: Date | null;
}

export interface SliceInput {
  readonly action: BulkAction;
  readonly filter: JobFilter;
  /** Jobs that were made later are left out. */
  readonly before: Date;
  readonly after: string | null;
  readonly limit: number;
}

/** The instant of a preview: what comes later is not touched. */
export const bulkInstant = (deps: Deps): Promise<Date> => databaseNow(deps.db, deps.clock());

/** The jobs of one slice, newest first. It may be empty and go on. */
export const selectSlice = (deps: Deps, { action, filter, before, after, limit }: SliceInput): Promise<Slice> => {
  const { createdBefore = before } = filter;
  const bounded = {
    ...filter,
    states: filter.states ?? STATES[action],
    createdBefore: createdBefore < before ? createdBefore : before,
  };
  return selectJobs(deps.db, bounded, { limit, after }, deps.clock());
};

/** These jobs, in their newest lives; those that are not there are left out. */
export const selectNamed = async (deps: Deps, ids: readonly string[]): Promise<readonly SelectedJob[]> => {
  const found: SelectedJob[] = [];
  for (let after: string | null = null, first = true; first || after !== null; first = false) {
    const slice: Slice = await selectJobs(deps.db, { ids }, { limit: MAX_MANY, after }, deps.clock());
    found.push(...slice.jobs);
    after = slice.next;
  }
  return found;
};

export interface BulkResult {
  readonly done: number;
  readonly skipped: readonly { readonly id: string; readonly code: ErrorCode }[];
}

type Outcome = { readonly id: string; readonly outcome: string; readonly dueSeconds?: number | null };

interface BulkInput {
  readonly before: Date;
  /** Of a reschedule. */
  readonly to?: Reschedule;
  /** Of a cancel: why. */
  readonly reason?: string | null;
  /** Of a retry: who does it, for whoever looks at the lives that ended. */
  readonly by?: string;
}

const act = (
  deps: Deps,
  action: BulkAction,
  jobs: readonly (NamedJob & { readonly life: number })[],
  { before, to = {}, reason = null, by }: BulkInput,
): Promise<readonly Outcome[]> => {
  if (action === "retry") return retryMany(deps.db, jobs, before, deps.clock(), by);
  if (action === "cancel") return cancelMany(deps.db, jobs, deps.clock(), reason);
  if (action === "delete") return deleteMany(deps.db, jobs, before, deps.clock());
  return rescheduleMany(deps.db, jobs, to, deps.clock());
};

/**
 * Does one thing to at most 500 jobs, in one transaction, each in the life that is named: what has begun another life meanwhile is left, and so is what
 * ended after `before`. Sent again it changes nothing.
 */
export const applyToJobs = async (
  deps: Deps,
  action: BulkAction,
  jobs: readonly { readonly id: string; readonly life: number; readonly queue: string }[],
  input: BulkInput,
): Promise<BulkResult> => {
  if (jobs.length === 0) return { done: 0, skipped: [] };
  if (action === "retry" || action === "reschedule") await armNextMinute(deps);
  const outcomes = await act(deps, action, jobs, input);
  const skipped = outcomes.flatMap(({ id, outcome }) => {
    const code = CODES[outcome];
    return code === undefined ? [] : [{ id, code }];
  });
  const left = new Set(skipped.map(({ id }) => id));
  if (action === "retry" || action === "reschedule") {
    const due = new Map(outcomes.map(({ id, dueSeconds }) => [id, Math.max(0, dueSeconds ?? 0)]));
    const soonest = new Map<string, number>();
    for (const { id, queue } of jobs)
      if (!left.has(id)) soonest.set(queue, Math.min(soonest.get(queue) ?? Infinity, due.get(id) ?? 0));
    for (const [queue, seconds] of soonest) await wakeDispatcher(deps, seconds, queue);
  }
  return { done: outcomes.length - skipped.length, skipped };
};

/** The part of a preview that is alike. */
export interface BulkGroup {
  readonly type: string;
  readonly queue: string;
  readonly error: { readonly name: string; readonly message: string; readonly fingerprint: string | null } | null;
  jobs: number;
}

/** Jobs by type, queue and error, most first. */
export const groupJobs = (jobs: readonly SelectedJob[]): readonly BulkGroup[] => {
  const groups = new Map<string, BulkGroup>();
  for (const { type, queue, error, fingerprint } of jobs) {
    const name = [type, queue, fingerprint].join(" ");
    const shown = error && { name: error.name, message: error.message, fingerprint };
    const group = groups.get(name) ?? { type, queue, error: shown, jobs: 0 };
    group.jobs += 1;
    groups.set(name, group);
  }
  return [...groups.values()].sort((a, b) => b.jobs - a.jobs);
};

/** A preview looks at so many jobs at most. */
const MOST_PREVIEWED = 10_000;

/** What a filter means now: jobs of as many slices as a preview looks at. */
export const previewSlices = async (deps: Deps, input: SliceInput): Promise<Slice> => {
  const jobs: SelectedJob[] = [];
  let slice = await selectSlice(deps, { ...input, limit: MAX_MANY });
  jobs.push(...slice.jobs);
  while (slice.next !== null && jobs.length < MOST_PREVIEWED) {
    slice = await selectSlice(deps, { ...input, after: slice.next, limit: MAX_MANY });
    jobs.push(...slice.jobs);
  }
  return { jobs, next: slice.next, searchedTo: slice.searchedTo };
};
