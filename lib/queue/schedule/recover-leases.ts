import { recover } from "../../db/protocol/leases.ts";
import type { WakeSeconds } from "../../db/protocol/settle.ts";
import type { Deps } from "../deps.ts";

/** Bounds the time of one call: about a quarter of a second. */
const JOBS_PER_CALL = 1_000;

export interface RecoveredLeases {
  readonly leases: number;
  readonly jobs: number;
  /** It stopped before everything that had expired was taken back. */
  readonly more: boolean;
}

/**
 * Takes back all expired leases, and counts and logs them: the one place where ticks, servers and workers do it. Any number of
 * processes may do it concurrently, because each lease is recovered by one of them.
 *
 * @param goesOn - asked before each call of the database; false ends it
 * @param onWake - told after each call when the recovered jobs are due: null for never, 0 for now, else in seconds
 * @param owner - only leases of what it serves; null: of all, as a worker does
 * @throws {ForgeqError} `database_unavailable` - what was recovered before that is counted
 */
export const recoverLeases = async (
  deps: Deps,
  goesOn: () => boolean,
  onWake: (wakeSeconds: WakeSeconds) => unknown,
  owner: string | null = null,
): Promise<RecoveredLeases> => {
  let [leases, jobs, more] = [0, 0, true];
  try {
    while (more && goesOn()) {
      const recovered = await recover(deps.db, JOBS_PER_CALL, deps.clock(), owner);
      leases += recovered.leases;
      jobs += recovered.jobs;
      more = recovered.more;
      await onWake(recovered.wakeSeconds);
    }
  } finally {
    if (leases > 0) {
      deps.metrics.count("LeasesRecovered", leases);
      deps.metrics.count("JobsRecovered", jobs);
      deps.logger.warn("expired leases were recovered", { leases, jobs });
    }
  }
  return { leases, jobs, more };
};
