import type * as z from "zod";
import type { JobDefinition } from "../../core/job.ts";
import type { LeasedJob } from "../../db/protocol/leases.ts";
import type { Ended } from "../../db/protocol/settle.ts";
import type { TakenLease } from "../../db/protocol/take.ts";
import type { AbortCause } from "../run/attempt.ts";
import type { Deps } from "../deps.ts";
import { startHeartbeat } from "../run/heartbeat.ts";
import { type LeaseRun, runJob, type Work } from "../run/run-job.ts";
import { createRunning } from "../run/running-jobs.ts";
import { noteBegun } from "../run/record-outcome.ts";

/** A job type and the code that runs it, as a handler module gives them. */
export interface Handler {
  readonly definition: JobDefinition;
  readonly work: Work<z.ZodType>;
}

interface HeldLease {
  readonly lease: TakenLease;
  readonly run: LeaseRun<z.ZodType>;
  readonly jobs: ReadonlyMap<string, LeasedJob>;
  /** Jobs whose outcome is not written yet. */
  open: number;
}

/** The jobs of a type in this process. */
interface Place {
  running: number;
  /** Begin those that its limit keeps waiting. */
  readonly waiting: (() => void)[];
}

/** The leases that this process holds, and their jobs. */
export interface WorkerLeases {
  /** Runs the jobs of leases just taken. */
  start(leases: readonly TakenLease[]): void;
  /** Gives back the jobs of a lease that there is no room for. */
  refuse(lease: TakenLease): void;
  /** So many outcomes of a lease are written: its heartbeat ends with the last one. */
  settled(leaseId: string, jobs: number): void;
  /** The queue of a lease that is held. */
  queueOf(leaseId: string): string;
  /** Are these outcomes those of all jobs of their lease? */
  isAll(leaseId: string, ended: readonly Ended[]): boolean;
  /** A job of a lease that is held. */
  jobOf(leaseId: string, jobId: string): LeasedJob | undefined;
  /** Jobs in this process, waiting or running. */
  readonly busy: () => number;
  /** The types of which another job can run now. */
  types(): string[];
  /** Nothing begins any more: what waits ends released, and what runs is left alone. */
  close(): void;
  /** Aborts what runs. */
  abort(cause: AbortCause, message: string): void;
}

/** Jobs of a type at once in this process: only a type that says less than its batch has such a limit. */
export const limitOf = ({ concurrency, batchSize }: JobDefinition): number =>
  concurrency < batchSize ? concurrency : Infinity;

/**
 * @param worker - what the leases were begun by
 * @param onEnd - called with each job's outcome; `unblocked` when its type had no room until now
 */
export const createWorkerLeases = (
  deps: Deps,
  handlers: ReadonlyMap<string, Handler>,
  worker: string,
  onEnd: (leaseId: string, ended: Ended, unblocked: boolean) => void,
): WorkerLeases => {
  // Each in a slot that is emptied: the tables that a Map has outgrown keep what was in them until a major collection. See docs/adr/0015.
  const slots = new Map<string, { held: HeldLease | undefined }>();
  const heldBy = (leaseId: string): HeldLease | undefined => slots.get(leaseId)?.held;
  const places = new Map([...handlers.keys()].map((type): [string, Place] => [type, { running: 0, waiting: [] }]));
  let busy = 0;
  let closed = false;

  const begin = (place: Place, each: HeldLease, job: LeasedJob): void => {
    if (closed) return release(place, each, job);
    place.running += 1;
    void runJob(deps, each.run, job).then((ended) => end(place, each, ended));
  };

  const release = (place: Place, each: HeldLease, job: LeasedJob): void => {
    place.running += 1;
    end(place, each, { id: job.id, outcome: "released" });
  };

  const end = (place: Place, { lease, run }: HeldLease, ended: Ended): void => {
    const wasFull = place.running + place.waiting.length >= limitOf(run.definition);
    place.running -= 1;
    place.waiting.shift()?.();
    busy -= 1;
    onEnd(lease.id, ended, wasFull);
  };

  const hold = (lease: TakenLease, handler: Handler): HeldLease => {
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
      open: lease.jobs.length,
    };
  };

  const takeIn = (lease: TakenLease): { readonly place: Place; readonly each: HeldLease } => {
    const handler = handlers.get(lease.type);
    const place = places.get(lease.type);
    if (handler === undefined || place === undefined)
      throw new Error(`a job of type ${lease.type} was taken, which has no handler here`);
    const each = hold(lease, handler);
    slots.set(lease.id, { held: each });
    busy += lease.jobs.length;
    return { place, each };
  };

  return {
    start: (leases) => {
      for (const lease of leases) {
        const { place, each } = takeIn(lease);
        noteBegun(deps, lease.jobs);
        for (const job of lease.jobs) {
          if (closed || place.running < limitOf(each.run.definition)) begin(place, each, job);
          else place.waiting.push(() => begin(place, each, job));
        }
      }
    },
    refuse: (lease) => {
      const { place, each } = takeIn(lease);
      for (const job of lease.jobs) release(place, each, job);
    },
    settled: (leaseId, jobs) => {
      const slot = slots.get(leaseId);
      if (slot?.held === undefined) return;
      slot.held.open -= jobs;
      if (slot.held.open > 0) return;
      slot.held.run.heartbeat.stop();
      slot.held = undefined;
      slots.delete(leaseId);
    },
    queueOf: (leaseId) => heldBy(leaseId)?.lease.queue ?? "",
    isAll: (leaseId, ended) => heldBy(leaseId)?.lease.jobs.length === ended.length,
    jobOf: (leaseId, jobId) => heldBy(leaseId)?.jobs.get(jobId),
    busy: () => busy,
    types: () =>
      [...handlers.values()]
        .filter(({ definition }) => {
          const place = places.get(definition.type);
          return place !== undefined && place.running + place.waiting.length < limitOf(definition);
        })
        .map(({ definition }) => definition.type),
    close: () => {
      closed = true;
      for (const place of places.values()) for (const go of place.waiting.splice(0)) go();
    },
    abort: (cause, message) => {
      for (const { held } of slots.values()) held?.run.running.abortAll(cause, message);
    },
  };
};
