import type * as z from "zod";
import type { JobDefinition } from "../../core/job.ts";
import type { LeasedJob } from "../../db/protocol/leased-job.ts";
import type { Ended } from "../../db/protocol/settle.ts";
import type { TakenLease } from "../../db/protocol/take.ts";
import type { AbortCause } from "../run/attempt.ts";
import type { Attempt } from "../run/current-attempt.ts";
import type { Deps } from "../deps.ts";
import { hearBefore, startHeartbeat } from "../run/heartbeat.ts";
import { type LeaseRun, runJob, type Work } from "../run/run-job.ts";
import { createRunning } from "../run/running-jobs.ts";
import { noteBegun } from "../run/record-outcome.ts";
import type { QueuePlaces } from "./queue-places.ts";
import { createTypeSlots, type Slots, type TypeSlots } from "./type-slots.ts";
import type { WorkerState } from "./worker-state.ts";

/** A job type and the code that runs it, as a handler module gives them. */
export interface Handler {
  readonly definition: JobDefinition;
  readonly work: Work<z.ZodType>;
}

const NO_JOBS: ReadonlyMap<string, LeasedJob> = new Map();

interface HeldLease {
  readonly lease: TakenLease;
  readonly run: LeaseRun<z.ZodType>;
  readonly jobs: ReadonlyMap<string, LeasedJob>;
  readonly slots: Slots;
  /** Jobs whose outcome is not written yet. Changed by `settled`. */
  openJobs: number;
}

/** The leases that this process holds, and their jobs. It keeps the state's `busyJobs` and `runnableTypes`. */
export interface WorkerLeases {
  /** Runs the jobs of leases that have begun. */
  start(leases: readonly TakenLease[]): void;
  /** Gives back the jobs of a lease for which there is no slot. */
  refuse(lease: TakenLease): void;
  /** The outcomes of this many jobs of a lease are written: its heartbeat ends with the last one. */
  settled(leaseId: string, jobs: number): void;
  /** Whether this process has the lease: some of its outcomes are not written yet. */
  holds(leaseId: string): boolean;
  /** Somebody has asked to cancel jobs of a lease: it is looked at, if it is held here. */
  cancelRequested(leaseId: string): void;
  /** The queue of a lease that is held. */
  queueOf(leaseId: string): string;
  /** Are these outcomes those of all jobs of their lease? */
  isAll(leaseId: string, ended: readonly Ended[]): boolean;
  /** The jobs of a lease by their ids; none where it is not held. */
  jobsOf(leaseId: string): ReadonlyMap<string, LeasedJob>;
  /** Nothing begins any more: what waits ends released, and what runs is left alone. */
  close(): void;
  /** The jobs that run now. */
  running(): string[];
  /** Ends an attempt as if its handler had thrown this. @returns false: it does not run here */
  fail(attempt: Attempt, error: unknown): boolean;
  /** Aborts what runs. */
  abort(cause: AbortCause, message: string): void;
}

/** @param unblocked - another job of its type can run, which could not until now */
type OnEnd = (leaseId: string, ended: Ended, unblocked: boolean) => void;

interface Leases {
  readonly deps: Deps;
  readonly state: WorkerState;
  readonly handlers: ReadonlyMap<string, Handler>;
  /** What the leases were begun by. */
  readonly worker: string;
  readonly onEnd: OnEnd;
  readonly types: TypeSlots;
  readonly places: Pick<QueuePlaces, "take">;
  /**
   * Changed by `takeIn` and `settled`. Each lease is in a box that is emptied: the tables that a Map has outgrown keep what was in
   * them until a major collection. See docs/adr/0015.
   */
  readonly boxes: Map<string, { held: HeldLease | undefined }>;
  /** Set by `close`. */
  closed: boolean;
}

const heldBy = ({ boxes }: Leases, leaseId: string): HeldLease | undefined => boxes.get(leaseId)?.held;

/** Holds a lease: keeps it alive, and stops its jobs when it is lost. */
const hold = ({ deps, worker, types }: Leases, lease: TakenLease, handler: Handler): HeldLease => {
  const running = createRunning(deps.time, handler.definition.timeoutSeconds);
  const holder = { leaseId: lease.id, begunBy: worker };
  const heartbeat = startHeartbeat(
    deps,
    holder,
    lease.leaseSeconds,
    (ids) => running.abort(ids, "cancelled", "the job was cancelled"),
    () => {
      deps.logger.warn("a lease was lost: its jobs' outcomes will be refused if others have them now", {
        lease: lease.id,
        type: lease.type,
        jobs: running.size(),
      });
      running.abortAll("lease_lost", "the lease was lost");
    },
  );
  return {
    lease,
    run: { ...handler, holder, heartbeat, running },
    jobs: new Map(lease.jobs.map((job) => [job.id, job])),
    slots: types.of(lease.type),
    openJobs: lease.jobs.length,
  };
};

const takeIn = (leases: Leases, lease: TakenLease): HeldLease | null => {
  const handler = leases.handlers.get(lease.type);
  if (handler === undefined) {
    const { id, type } = lease;
    leases.deps.logger.error("a lease came whose type has no handler here: it expires", { lease: id, type });
    return null;
  }
  const held = hold(leases, lease, handler);
  leases.boxes.set(lease.id, { held });
  return held;
};

/** A job takes a slot of the worker, or with -1 gives it back. */
const occupy = ({ state, places }: Leases, { lease }: HeldLease, jobs: 1 | -1): void => {
  state.busyJobs += jobs;
  places.take(lease.queue, jobs);
};

const end = (leases: Leases, held: HeldLease, ended: Ended): void => {
  const { lease, slots } = held;
  occupy(leases, held, -1);
  const unblocked = leases.types.giveBack(slots);
  leases.onEnd(lease.id, ended, unblocked);
};

/** Runs a job that has taken a slot of its type. */
const begin = (leases: Leases, held: HeldLease, job: LeasedJob): void => {
  if (leases.closed || held.run.running.mayNotBegin(job.id)) end(leases, held, { id: job.id, outcome: "released" });
  else void runJob(leases.deps, held.run, job).then((ended) => end(leases, held, ended));
};

/** Runs a job that has waited for a slot of its type, unless somebody has cancelled it meanwhile. Until now it has taken no slot of the worker. */
const beginLate = (leases: Leases, held: HeldLease, job: LeasedJob): void => {
  occupy(leases, held, 1);
  if (leases.closed) begin(leases, held, job);
  else void hearBefore(held.run.heartbeat, leases.deps.time).then(() => begin(leases, held, job));
};

const startLease = (leases: Leases, lease: TakenLease): void => {
  const held = takeIn(leases, lease);
  if (held === null) return;
  noteBegun(leases.deps, lease.jobs);
  const { types } = leases;
  for (const job of lease.jobs) {
    if (types.take(held.slots)) {
      occupy(leases, held, 1);
      begin(leases, held, job);
    } else types.wait(held.slots, () => beginLate(leases, held, job));
  }
};

/** Ends the jobs of a lease before they begin. */
const refuse = (leases: Leases, lease: TakenLease): void => {
  const held = takeIn(leases, lease);
  if (held === null) return;
  for (const { id } of lease.jobs) leases.onEnd(lease.id, { id, outcome: "released" }, false);
};

const settled = ({ boxes }: Leases, leaseId: string, jobs: number): void => {
  const box = boxes.get(leaseId);
  if (box?.held === undefined) return;
  box.held.openJobs -= jobs;
  if (box.held.openJobs > 0) return;
  box.held.run.heartbeat.stop();
  box.held = undefined;
  boxes.delete(leaseId);
};

/** @param worker - what the leases were begun by @param onEnd - called with each job's outcome */
export const createWorkerLeases = (
  deps: Deps,
  state: WorkerState,
  handlers: ReadonlyMap<string, Handler>,
  worker: string,
  onEnd: OnEnd,
  places: Pick<QueuePlaces, "take"> = { take: () => undefined },
): WorkerLeases => {
  const definitions = new Map([...handlers].map(([type, { definition }]) => [type, definition]));
  const types = createTypeSlots(definitions, (runnable) => (state.runnableTypes = runnable));
  const leases: Leases = { deps, state, handlers, worker, onEnd, types, places, boxes: new Map(), closed: false };
  return {
    start: (begun) => {
      for (const lease of begun) startLease(leases, lease);
    },
    refuse: (lease) => refuse(leases, lease),
    settled: (leaseId, jobs) => settled(leases, leaseId, jobs),
    holds: (leaseId) => heldBy(leases, leaseId) !== undefined,
    cancelRequested: (leaseId) => heldBy(leases, leaseId)?.run.heartbeat.look(),
    queueOf: (leaseId) => heldBy(leases, leaseId)?.lease.queue ?? "",
    isAll: (leaseId, ended) => heldBy(leases, leaseId)?.lease.jobs.length === ended.length,
    jobsOf: (leaseId) => heldBy(leases, leaseId)?.jobs ?? NO_JOBS,
    close: () => {
      leases.closed = true;
      types.beginAll();
    },
    running: () => [...leases.boxes.values()].flatMap(({ held }) => held?.run.running.ids() ?? []),
    fail: ({ leaseId, jobId }, error) => heldBy(leases, leaseId)?.run.running.fail(jobId, error) ?? false,
    abort: (cause, message) => {
      for (const { held } of leases.boxes.values()) held?.run.running.abortAll(cause, message);
    },
  };
};
