/**
 * What a worker knows of itself, in one place: `plan` reads it to say what statement comes next, and it is shown when somebody asks
 * why nothing happens. Each part of the worker changes its own fields only. Instants are milliseconds of this process's own time.
 */
export interface WorkerState {
  // What the worker was started with.
  readonly concurrency: number;
  /** Ends when nothing is due any more. */
  readonly once: boolean;
  /** Jobs of one statement, where the caller has set them. */
  readonly batchJobs: number | null;
  /** Whether it may offer capacity to producers at all: see capacity-offer.ts. */
  readonly offersCapacity: boolean;

  /** Whether jobs are taken. The stop clears it, and nothing sets it again. */
  accepting: boolean;

  // Counters that are zero when the worker is quiet. Whoever adds to one takes the same away again, whatever the outcome.
  /** Statements under way. The exchange adds one, and takes it away when the statement was answered or given up. */
  statements: number;
  /**
   * Slots kept for jobs that may come. The exchange reserves what a statement may bring, if it takes at all; a local start what
   * it stores. Each gives back the same number when the database has answered, or has not.
   */
  reservedJobs: number;
  /** What ends with another statement: timers of the pump's `later`, lost pushes being taken up, a listener being closed. Each adds one, and takes it away. */
  waits: number;
  /** Jobs that run in this process. The leases add those that start, and take one away when its outcome is known. One that waits for another of its type takes no slot. */
  busyJobs: number;
  /** Outcomes that no statement carries yet. The outbox adds one, and takes away those that a statement takes along. */
  outcomesWaiting: number;
  /** Pushed leases that wait for a reserved slot. The capacity offer sets it: each starts or is refused when slots are given back. */
  pushesWaiting: number;

  // Of the queues.
  /** Whether the queues' names are known. Housekeeping sets it once; until then nothing is taken. */
  queuesKnown: boolean;
  /** The next four are kept by the queue positions. Queues that a take can visit. */
  queues: number;
  /** Queues that may have due jobs, and that no take has visited since. */
  dueQueues: number;
  /** Queues that have more due jobs than the last take could bring. */
  backlogQueues: number;
  /** When a queue gave jobs last; `-Infinity`: none did. */
  gaveAtMs: number;
  /** Queues whose own places are all taken: the counts above leave them out. The queue places set it. */
  fullQueues: readonly string[];
  /** The types of which another job can run now. The leases set it. */
  runnableTypes: readonly string[];

  // Of polls.
  /**
   * Whether the next statement that takes is a poll: at all queues, with housekeeping. True at first, and set again by the poll's
   * timer; cleared by the exchange when it sends a statement that takes. A poll that fails is made up for by the next one.
   */
  pollDue: boolean;
  /** When the next poll comes; `Infinity`: no timer is set. The poll sets it. */
  nextPollAtMs: number;
  /** When a job falls due, as far as this process knows; `Infinity`: no such job is known. The poll sets it. */
  jobDueAtMs: number;

  // Of jobs that come without a take.
  /**
   * Until then a take leaves some slots free for jobs that are enqueued in this process, unless there is a backlog, which comes
   * first. Set by a local start that finds slots free but reserved, and moved on by each local start from then on. It passes by
   * itself: ten seconds without a local start are taken for their end.
   */
  leaveSlotsUntilMs: number;
  /** Whether notifications arrive, so that jobs can be pushed. The capacity offer sets and clears it, as the listener and its own probes say. */
  listening: boolean;
  /** Until when producers count on this worker's capacity; `-Infinity`: they do not. The capacity offer sets it. */
  offeredUntilMs: number;
  /** An offer was made whose probe has not arrived: until it does, none is made. The listening proof sets and clears it. */
  awaitsProbe: boolean;
  /** Until then producers may have begun leases for this worker, so it polls for those even without a free slot. The capacity offer sets it. */
  pollsUntilMs: number;
  /** Before that no capacity is offered, because the worker was full a moment ago. The capacity offer sets it. */
  offerClosedUntilMs: number;

  // Counted since the start, for whoever watches.
  /** Leases that were pushed to this worker, and whose notification has arrived. The capacity offer counts them. */
  pushesReceived: number;
  /** Leases that a poll found, because their notification was lost. The lost pushes count them. */
  pushesFound: number;
  /** What arrived on this worker's channel and was not sent by the database, or had come before. The worker's handle counts it. */
  pushesIgnored: number;
  /** Probes that did not arrive: the listening connection was opened again. The listening proof counts them. */
  probesLost: number;

  /** The shortest time that a statement has spent on its way; null before the first answer. The exchange sets it. */
  roundTripMs: number | null;
}

export const createWorkerState = (
  options: { readonly concurrency: number; readonly once?: boolean; readonly batchJobs?: number },
  offersCapacity: boolean,
): WorkerState => ({
  concurrency: options.concurrency,
  once: options.once ?? false,
  batchJobs: options.batchJobs ?? null,
  offersCapacity,
  accepting: true,
  statements: 0,
  reservedJobs: 0,
  waits: 0,
  busyJobs: 0,
  outcomesWaiting: 0,
  pushesWaiting: 0,
  queuesKnown: false,
  queues: 0,
  dueQueues: 0,
  backlogQueues: 0,
  gaveAtMs: -Infinity,
  fullQueues: [],
  runnableTypes: [],
  pollDue: true,
  nextPollAtMs: Infinity,
  jobDueAtMs: Infinity,
  leaveSlotsUntilMs: -Infinity,
  listening: false,
  offeredUntilMs: -Infinity,
  awaitsProbe: false,
  pollsUntilMs: -Infinity,
  offerClosedUntilMs: -Infinity,
  pushesReceived: 0,
  pushesFound: 0,
  pushesIgnored: 0,
  probesLost: 0,
  roundTripMs: null,
});

/** Jobs that could start now. */
export const freeSlots = ({ accepting, concurrency, busyJobs, reservedJobs }: WorkerState): number =>
  accepting ? concurrency - busyJobs - reservedJobs : 0;

/** Nothing runs, nothing is under way, and every outcome is written or given up. */
export const isQuiet = (state: WorkerState): boolean =>
  state.busyJobs + state.outcomesWaiting + state.statements + state.waits + state.reservedJobs + state.pushesWaiting ===
  0;

/** A worker that runs once has nothing left to do. */
export const isDrained = (state: WorkerState): boolean =>
  state.once && state.queuesKnown && state.accepting && state.dueQueues === 0 && isQuiet(state);
