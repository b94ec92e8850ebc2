import type * as z from "zod";
import type { JobDefinition } from "../core/job.ts";
import type { Ended, LeasedJob } from "../db/leases.ts";
import type { TakenLease } from "../db/take.ts";
import type { AbortCause } from "./attempt.ts";
import type { Deps } from "./deps.ts";
import { type Heartbeat, startHeartbeat } from "./heartbeat.ts";
import { runJob, type Running, type Work } from "./run-job.ts";
import { noteBegun } from "./settled.ts";

/** A job type and the code that runs it, as a handler module gives them. */
export interface Handler {
  readonly definition: JobDefinition;
  readonly work: Work<z.ZodType>;
}

interface HeldLease {
  readonly lease: TakenLease;
  readonly heartbeat: Heartbeat;
  readonly running: Map<string, Running>;
  /** Jobs whose outcome is not written yet. */
  open: number;
}

/** The leases that this process holds, and their jobs. */
export interface WorkerLeases {
  /** Runs the jobs of leases just taken. */
  start(leases: readonly TakenLease[]): void;
  /** So many outcomes of a lease are written: its heartbeat ends with the last one. */
  settled(leaseId: string, jobs: number): void;
  /** The queue of a lease that is held. */
  queueOf(leaseId: string): string;
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
const limitOf = ({ concurrency, batchSize }: JobDefinition): number =>
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
  const held = new Map<string, HeldLease>();
  const byType = new Map([...handlers.keys()].map((type) => [type, { running: 0, waiting: [] as (() => void)[] }]));
  let busy = 0;
  let closed = false;

  const run = async (handler: Handler, each: HeldLease, job: LeasedJob): Promise<void> => {
    const place = byType.get(handler.definition.type);
    if (place === undefined) return;
    if (!closed && place.running >= limitOf(handler.definition)) {
      await new Promise<void>((resolve) => place.waiting.push(resolve));
    }
    place.running += 1;
    const lease = {
      ...handler,
      holder: { leaseId: each.lease.id, begunBy: worker },
      heartbeat: each.heartbeat,
      running: each.running,
    };
    const ended: Ended = closed ? { id: job.id, outcome: "released" } : await runJob(deps, lease, job);
    const wasFull = place.running + place.waiting.length >= limitOf(handler.definition);
    place.running -= 1;
    place.waiting.shift()?.();
    busy -= 1;
    onEnd(each.lease.id, ended, wasFull);
  };

  const hold = (lease: TakenLease): HeldLease => {
    const running = new Map<string, Running>();
    const holder = { leaseId: lease.id, begunBy: worker };
    const heartbeat = startHeartbeat(
      deps,
      holder,
      lease.leaseSeconds,
      (ids) => ids.forEach((id) => running.get(id)?.abort("cancelled", "the job was cancelled")),
      () => {
        deps.logger.warn("a lease was lost: its jobs' outcomes will be refused if others have them now", {
          lease: lease.id,
          type: lease.type,
          jobs: running.size,
        });
        for (const job of running.values()) job.abort("lease_lost", "the lease was lost");
      },
    );
    return { lease, heartbeat, running, open: lease.jobs.length };
  };

  return {
    start: (leases) => {
      for (const lease of leases) {
        const handler = handlers.get(lease.type);
        if (handler === undefined) throw new Error(`a job of type ${lease.type} was taken, which has no handler here`);
        const each = hold(lease);
        noteBegun(deps, lease.jobs);
        held.set(lease.id, each);
        busy += lease.jobs.length;
        for (const job of lease.jobs) void run(handler, each, job);
      }
    },
    settled: (leaseId, jobs) => {
      const each = held.get(leaseId);
      if (each === undefined) return;
      each.open -= jobs;
      if (each.open > 0) return;
      each.heartbeat.stop();
      held.delete(leaseId);
    },
    queueOf: (leaseId) => held.get(leaseId)?.lease.queue ?? "",
    jobOf: (leaseId, jobId) => held.get(leaseId)?.lease.jobs.find(({ id }) => id === jobId),
    busy: () => busy,
    types: () =>
      [...handlers.values()]
        .filter(({ definition }) => {
          const place = byType.get(definition.type);
          return place !== undefined && place.running + place.waiting.length < limitOf(definition);
        })
        .map(({ definition }) => definition.type),
    close: () => {
      closed = true;
      for (const place of byType.values()) for (const go of place.waiting.splice(0)) go();
    },
    abort: (cause, message) => {
      for (const { running } of held.values()) for (const job of running.values()) job.abort(cause, message);
    },
  };
};
