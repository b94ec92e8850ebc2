import { beginLease } from "../../db/protocol/leases.ts";
import { settleAndTake, type PushedLease } from "../../db/protocol/take.ts";
import { messageOf } from "../../core/reason.ts";
import { mapConcurrently } from "../concurrency.ts";
import type { Deps } from "../deps.ts";
import type { Time } from "../time.ts";
import type { CapacityOffering } from "./capacity-offer.ts";
import type { WorkerLeases } from "./leases.ts";
import type { WorkerState } from "./worker-state.ts";

/** A notification, or the answer to a local start, that is on its way when a poll finds its lease has arrived by then. */
const ON_ITS_WAY_MS = 250;
/** A lease lasts no longer, and a notification is no later, than it is remembered. */
const REMEMBERED_MS = 900_000;
/** Concurrent statements that take leases up. */
const STATEMENTS = 2;

/** Pushes whose notification was lost: polls find their leases, which nobody else runs before they expire. */
export interface LostPushes {
  /** The open leases of this worker, as a poll found them: those that it does not know are taken up in a moment. */
  found(pushed: readonly PushedLease[]): void;
  /** Asks for them, and takes them up: before the worker ends, when it may not have heard everything. */
  readonly look: () => Promise<void>;
  /** These leases expire, because their outcomes could not be written: they are not run again here. */
  leave(leaseIds: readonly string[]): void;
  /** This lease was taken up: what else brings it comes late. */
  tookUp(leaseId: string): boolean;
}

/** Ids of leases, for as long as they matter. */
const createMemory = ({ elapsedMs }: Time) => {
  const addedAtMs = new Map<string, number>();
  return {
    has: (id: string): boolean => addedAtMs.has(id),
    delete: (id: string): void => void addedAtMs.delete(id),
    add: (id: string): void => {
      const endMs = elapsedMs() - REMEMBERED_MS;
      for (const [each, atMs] of addedAtMs) if (atMs < endMs) addedAtMs.delete(each);
      addedAtMs.set(id, elapsedMs());
    },
  };
};

export const createLostPushes = (
  deps: Deps,
  state: WorkerState,
  worker: { readonly id: string; readonly invocation: string },
  parts: {
    readonly leases: Pick<WorkerLeases, "holds">;
    readonly offer: Pick<CapacityOffering, "waits" | "push">;
    readonly pump: () => void;
  },
): LostPushes => {
  const { id: begunBy, invocation } = worker;
  const { leases, offer, pump } = parts;
  const remembered = createMemory(deps.time);
  const isUnknown = ({ id }: PushedLease): boolean => !leases.holds(id) && !offer.waits(id) && !remembered.has(id);

  const takeUp = async (lease: PushedLease): Promise<void> => {
    // Others may have been taken up before this one.
    if (!isUnknown(lease)) return;
    const { id, leaseSeconds } = lease;
    // From here on a notification that comes after all is too late.
    remembered.add(id);
    try {
      const begun = await beginLease(deps.db, { leaseId: id, begunBy, leaseSeconds, invocation, at: deps.clock() });
      // It ended, or expired, meanwhile.
      if (begun === "lease_lost") return;
      const [first] = begun.jobs;
      if (first === undefined) return;
      state.pushesFound += 1;
      deps.logger.warn("a push was lost, and found by a poll", {
        lease: id,
        type: first.type,
        jobs: begun.jobs.length,
      });
      offer.push({ id, type: first.type, queue: first.queue, leaseSeconds, jobs: begun.jobs });
    } catch (error) {
      // The next poll finds it again.
      remembered.delete(id);
      deps.logger.warn("a push that was lost can't be taken up", { lease: id, reason: messageOf(error) });
    }
  };

  const takeUpAll = async (pushed: readonly PushedLease[]): Promise<void> => {
    await mapConcurrently(pushed, STATEMENTS, takeUp);
  };

  return {
    found: (pushed) => {
      const unknown = pushed.filter(isUnknown);
      if (unknown.length === 0) return;
      state.waits += 1;
      deps.time.after(ON_ITS_WAY_MS, () => {
        void takeUpAll(unknown).finally(() => {
          state.waits -= 1;
          pump();
        });
      });
    },
    look: async () => {
      const nothing = { settles: [], takes: [], types: [], maxJobs: 0, dueHorizonSeconds: null };
      const asked = { worker: begunBy, invocation, housekeeping: { offer: null }, at: deps.clock() };
      const found = await settleAndTake(deps.db, { ...nothing, ...asked });
      await takeUpAll(found.housekeeping?.pushed ?? []);
      pump();
    },
    leave: (leaseIds) => {
      for (const id of leaseIds) remembered.add(id);
    },
    tookUp: remembered.has,
  };
};
