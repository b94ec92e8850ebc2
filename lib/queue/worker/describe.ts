import { decide, type Pause, type Statement } from "./plan.ts";
import { freeSlots, type WorkerState } from "./worker-state.ts";

type Shown = string | number | boolean | null | readonly string[];

/** A worker's state for people: instants have become seconds from now, null where there is none. */
export interface WorkerDescription {
  readonly state: Readonly<Record<string, Shown>>;
  /** What the plan says comes next; null: nothing for now. */
  readonly next: Statement | null;
  readonly why: string;
}

const INSTANT = /^(.+)AtMs$|^(.+)UntilMs$/;

const inSeconds = (atMs: number, nowMs: number): number | null =>
  Number.isFinite(atMs) ? Math.round(atMs - nowMs) / 1000 : null;

const seconds = (ms: number): string => `${(Math.max(0, ms) / 1000).toFixed(1)} s`;

const PAUSES: Record<Pause, (state: WorkerState, nowMs: number) => string> = {
  stopping: () => "The worker is stopping: it takes nothing more.",
  queues_unknown: () => "The names of the queues could not be read yet, so there is nothing to take from.",
  no_free_slot: ({ concurrency, busyJobs, reservedJobs }) =>
    `No slot is free: of ${concurrency} slots ${busyJobs} are busy and ${reservedJobs} reserved for jobs that may come.`,
  no_runnable_type: () => "No type can run another job: each has as many in this process as its concurrency allows.",
  queues_full: ({ fullQueues }) =>
    `All places of a queue are taken (${fullQueues.join(", ")}), and nobody announced a due job of another one.`,
  nothing_due: ({ nextPollAtMs, jobDueAtMs }, nowMs) => {
    const due = Number.isFinite(jobDueAtMs) ? ` A job falls due in ${seconds(jobDueAtMs - nowMs)}.` : "";
    const poll = Number.isFinite(nextPollAtMs) ? ` The next poll comes in ${seconds(nextPollAtMs - nowMs)}.` : "";
    return `No outcome waits, and nobody announced a due job.${poll}${due}`;
  },
  statement_under_way: ({ statements }) =>
    `${statements === 1 ? "A statement is" : `${statements} statements are`} under way, and what waits is too little for another one.`,
};

const REASONS: Record<Statement["why"], (state: WorkerState) => string> = {
  outcomes: ({ outcomesWaiting }) => `Outcomes wait to be written: ${outcomesWaiting}.`,
  poll: () => "A poll is due.",
  due_queues: ({ dueQueues }) => `Queues may have due jobs: ${dueQueues}.`,
};

/** The fields of a worker's state, what its plan says comes next, and why. */
export const describeWorker = (state: WorkerState, nowMs: number): WorkerDescription => {
  const fields = Object.entries(state).map(([name, value]: [string, Shown]): [string, Shown] => {
    const [, at, until] = INSTANT.exec(name) ?? [];
    if (at !== undefined) return [`${at}InSeconds`, inSeconds(value as number, nowMs)];
    return until === undefined ? [name, value] : [`${until}ForSeconds`, inSeconds(value as number, nowMs)];
  });
  const decision = decide(state, nowMs);
  const paused = typeof decision === "string";
  return {
    state: Object.fromEntries([...fields, ["freeSlots", freeSlots(state)]]),
    next: paused ? null : decision,
    why: paused ? PAUSES[decision](state, nowMs) : REASONS[decision.why](state),
  };
};

const shown = (value: Shown): string =>
  typeof value === "object" ? (value ?? []).join(", ") || "none" : String(value);

/** The same as a block of lines. */
export const formatDescription = ({ state, next, why }: WorkerDescription): string => {
  const width = Math.max(...Object.keys(state).map((name) => name.length));
  const lines = Object.entries(state).map(([name, value]) => `  ${name.padEnd(width)}  ${shown(value)}`);
  const plan = next === null ? "nothing for now" : `a statement, ${JSON.stringify(next)}`;
  return [`Worker state`, ...lines, `Next: ${plan}. ${why}`].join("\n");
};
