import { ForgeqError } from "../../core/errors.ts";
import { extendLease, type Progress } from "../../db/protocol/leases.ts";
import type { LeaseHolder } from "../../db/protocol/settle.ts";
import type { Deps } from "../deps.ts";

const PAUSE_MS = 1_000;
/** Another statement of this process may hold the lease for a moment. */
const BUSY_PAUSES_MS = [20, 40, 80, 160] as const;

export interface Heartbeat {
  /** Extends the lease now, unless that was done within the last second. @returns false: it was busy, and nothing was heard */
  beat(): Promise<boolean>;
  /** Extends the lease within about a second: somebody has asked to cancel a job of it. */
  look(): void;
  /** Stores a job's progress with the next extension, within about a second. */
  progress(jobId: string, progress: Progress): void;
  stop(): void;
}

/** Extends the lease before a job begins that has waited: again where the lease is busy, so that a cancel is heard. */
export const hearBefore = async ({ beat }: Pick<Heartbeat, "beat">, { after }: Deps["time"]): Promise<void> => {
  for (const pauseMs of BUSY_PAUSES_MS) {
    if (await beat()) return;
    await new Promise<void>((resolve) => void after(pauseMs, resolve));
  }
};

/**
 * Keeps a begun lease alive: extends it every third of its time, and carries progress. A database that is away is asked
 * again until the lease must have expired.
 *
 * @param onCancel - called with the jobs that somebody asked to cancel
 * @param onLost - called once, when the lease was taken back or its time ran out without an extension
 */
export const startHeartbeat = (
  deps: Deps,
  holder: LeaseHolder,
  leaseSeconds: number,
  onCancel: (jobIds: readonly string[]) => void,
  onLost: () => void,
): Heartbeat => {
  const everyMs = (leaseSeconds * 1000) / 3;
  const soonestMs = Math.min(PAUSE_MS, everyMs);
  let progress: Record<string, Progress> = {};
  let extendedAtMs = deps.time.elapsedMs();
  let triedAtMs = extendedAtMs;
  let [stopped, cancelTimer] = [false, (): void => undefined];
  let running: Promise<boolean> | undefined;

  const schedule = (ms: number) => {
    cancelTimer();
    if (!stopped) cancelTimer = deps.time.after(ms, () => void run());
  };
  const lost = (): true => {
    if (stopped) return true;
    stopped = true;
    cancelTimer();
    onLost();
    return true;
  };

  const extend = async (): Promise<boolean> => {
    const carried = progress;
    progress = {};
    triedAtMs = deps.time.elapsedMs();
    const giveBack = () => (progress = { ...carried, ...progress });
    try {
      const answer = await extendLease(deps.db, {
        ...holder,
        leaseSeconds,
        progress: Object.keys(carried).length === 0 ? null : carried,
        at: deps.clock(),
      });
      if (answer === "lease_lost") return lost();
      if (answer === "busy") {
        giveBack();
        schedule(soonestMs);
        triedAtMs = -Infinity;
        return false;
      }
      extendedAtMs = triedAtMs;
      schedule(everyMs);
      if (answer.cancelRequested.length > 0) onCancel(answer.cancelRequested);
    } catch (error) {
      // Sent again, what Postgres refuses would cost the lease.
      if (!(error instanceof ForgeqError && error.code === "invalid_job")) giveBack();
      deps.logger.warn("a heartbeat failed", {
        lease: holder.leaseId,
        reason: error instanceof Error ? error.message : String(error),
      });
      if (deps.time.elapsedMs() - extendedAtMs >= leaseSeconds * 1000) return lost();
      schedule(soonestMs);
    }
    return true;
  };
  const run = (): Promise<boolean> => (running ??= extend().finally(() => (running = undefined)));

  const soon = (): void => schedule(Math.max(0, soonestMs - (deps.time.elapsedMs() - triedAtMs)));

  schedule(everyMs);
  return {
    beat: async () => stopped || deps.time.elapsedMs() - triedAtMs < soonestMs || run(),
    progress: (jobId, given) => {
      progress[jobId] = given;
      soon();
    },
    // What is under way may have been read before the request.
    look: () => void (running ?? Promise.resolve()).then(soon),
    stop: () => {
      stopped = true;
      cancelTimer();
    },
  };
};
