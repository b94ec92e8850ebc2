import { DEFAULTS } from "../../core/job.ts";
import { findsPushes, isOfferDue } from "./capacity-offer.ts";
import { batchJobsOf, mostStatementsOf } from "./pace.ts";
import { isPollNear } from "./poll.ts";
import { freeSlots, type WorkerState } from "./worker-state.ts";

/** A queue that gave jobs so recently is visited by every statement that is sent anyway. */
export const RECENT_MS = 1_000;
/** What a take leaves free for jobs that are enqueued in this process. */
const SLOTS_LEFT = DEFAULTS.maxDirectStartJobs;

/** The next statement of a worker: there with outcomes, back with jobs. */
export interface Statement {
  /** Why it is sent. */
  readonly why: "outcomes" | "poll" | "due_queues";
  /** Outcomes that it carries at most. */
  readonly settleJobs: number;
  /** Jobs that it may bring, for which slots are reserved; 0: it takes nothing. */
  readonly takeJobs: number;
  /** The queues that it takes from: all; those that are due or gave jobs a moment ago; none. */
  readonly visits: "all" | "due" | "none";
  /** It is a poll, made because time passed: the take of an idle worker, or, without a free slot, a look for pushes that were lost. */
  readonly poll: boolean;
  /** It asks for what an idle worker attends to besides its jobs, and makes a capacity offer. */
  readonly housekeeping: boolean;
}

/** Why a worker sends nothing now. */
export type Pause =
  | "stopping"
  | "queues_unknown"
  | "no_free_slot"
  | "no_runnable_type"
  | "queues_full"
  | "nothing_due"
  | "statement_under_way";

const pauseOf = (state: WorkerState): Pause => {
  if (!state.accepting) return "stopping";
  if (!state.queuesKnown) return "queues_unknown";
  if (freeSlots(state) <= 0) return "no_free_slot";
  if (state.runnableTypes.length === 0) return "no_runnable_type";
  return state.fullQueues.length > 0 ? "queues_full" : "nothing_due";
};

/** Jobs that a take may bring: some slots are left free while jobs are enqueued in this process, unless there is a backlog. */
const takeable = (state: WorkerState, free: number, nowMs: number): number => {
  const leaves = nowMs < state.leaveSlotsUntilMs && free >= 2 * SLOTS_LEFT && state.backlogQueues === 0;
  return Math.min(leaves ? free - SLOTS_LEFT : free, batchJobsOf(state));
};

/**
 * What a worker in this state sends next, or why it sends nothing. A statement is sent when outcomes wait, when a poll is due, or
 * when a queue may have due jobs and there is a slot for them. While one is under way, outcomes and hints gather for the
 * next one; another one is sent concurrently only with at least half a batch of outcomes or free slots.
 */
export const decide = (state: WorkerState, nowMs: number): Statement | Pause => {
  const free = freeSlots(state);
  const canTake = free > 0 && state.queuesKnown && state.runnableTypes.length > 0;
  const wantsJobs = canTake && (state.pollDue || state.dueQueues > 0);
  const finds = findsPushes(state, nowMs);
  if (state.outcomesWaiting === 0 && !wantsJobs && !finds) return pauseOf(state);
  const batchJobs = batchJobsOf(state);
  if (state.statements > 0) {
    const large = Math.max(state.outcomesWaiting, wantsJobs ? free : 0) * 2 >= batchJobs;
    if (!large || state.statements >= mostStatementsOf(state)) return "statement_under_way";
  }
  const poll = state.pollDue && (canTake || finds);
  const visitsSome = state.dueQueues > 0 || nowMs - state.gaveAtMs < RECENT_MS;
  const visits = !canTake ? "none" : poll || isPollNear(state, nowMs) ? "all" : visitsSome ? "due" : "none";
  return {
    why: poll ? "poll" : wantsJobs ? "due_queues" : "outcomes",
    settleJobs: Math.min(state.outcomesWaiting, batchJobs),
    takeJobs: visits === "none" || state.queues === 0 ? 0 : takeable(state, free, nowMs),
    visits,
    poll,
    housekeeping: poll || isOfferDue(state, nowMs),
  };
};

/** The next statement; null: none is to be sent now. */
export const plan = (state: WorkerState, nowMs: number): Statement | null => {
  const decision = decide(state, nowMs);
  return typeof decision === "string" ? null : decision;
};
