/** The states of a job. The first four are live and derived from its claim, its lease and the clock; the others are stored. */
export const JOB_STATES = ["scheduled", "pending", "leased", "running", "completed", "dead", "cancelled"] as const;
export type JobState = (typeof JOB_STATES)[number];
export type FinishedState = "completed" | "dead" | "cancelled";

/** How an attempt can end. `undispatched`, `released` and `snoozed` don't count; a number repeats after them. */
export const ATTEMPT_OUTCOMES = [
  "completed",
  "retry",
  "dead",
  "released",
  "snoozed",
  "lease_expired",
  "timed_out",
  "cancelled",
  "undispatched",
  "worker_crashed",
] as const;
export type AttemptOutcome = (typeof ATTEMPT_OUTCOMES)[number];

interface Transition {
  readonly from: readonly JobState[];
  /** What the job can be afterwards; which of them follows from attempts, delays and a requested cancel. */
  readonly to: readonly JobState[];
}

/**
 * Every legal move of a job, by the call that makes it. A call from any other state changes nothing.
 * The SQL in migrations/functions implements this table; test/integration/protocol/state-matrix.test.ts drives each call from
 * each state on a real database and compares.
 */
export const TRANSITIONS = {
  claim: { from: ["pending"], to: ["leased"] },
  begin: { from: ["leased"], to: ["running", "cancelled"] },
  take: { from: ["pending"], to: ["running"] },
  complete: { from: ["running"], to: ["completed"] },
  retry: { from: ["running"], to: ["scheduled", "pending", "dead", "cancelled"] },
  bury: { from: ["running"], to: ["dead", "cancelled"] },
  drop: { from: ["running"], to: ["cancelled"] },
  release: { from: ["running"], to: ["pending", "cancelled"] },
  snooze: { from: ["running"], to: ["scheduled", "cancelled"] },
  undispatch: { from: ["leased"], to: ["pending", "dead", "cancelled"] },
  throttle: { from: ["leased"], to: ["pending", "cancelled"] },
  crash: { from: ["leased", "running"], to: ["scheduled", "pending", "dead", "cancelled"] },
  recover: { from: ["leased", "running"], to: ["scheduled", "pending", "dead", "cancelled"] },
  cancel: { from: ["scheduled", "pending", "leased", "running"], to: ["cancelled", "leased", "running"] },
  revive: { from: ["completed", "dead", "cancelled"], to: ["pending"] },
} as const satisfies Record<string, Transition>;

export type TransitionName = keyof typeof TRANSITIONS;
