import type { Deps } from "../deps.ts";
import { ABORT_GRACE_MS } from "../run/run-job.ts";

/** For the last statements, when everything has ended. */
const FLUSH_MS = 5_000;

export interface Stopping {
  /** Nothing runs, and every outcome is written. */
  readonly quiet: () => boolean;
  readonly busy: () => number;
  /** Takes nothing more. */
  readonly close: () => void;
  /** Interrupts what runs. */
  readonly abort: () => void;
  /** From now on a statement that fails is given up. */
  readonly giveUp: () => void;
}

/** The end of a worker, in three steps: let jobs end, interrupt them, give up on the database. */
export const stopGracefully = (deps: Deps, worker: Stopping) => {
  let waiting: (() => void) | undefined;
  let stopped: Promise<boolean> | undefined;
  let wrote = true;

  const untilQuiet = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const end = () => {
        cancel();
        waiting = undefined;
        resolve();
      };
      const cancel = deps.time.after(ms, end);
      waiting = end;
      if (worker.quiet()) end();
    });

  const stop = async (graceMs: number): Promise<boolean> => {
    worker.close();
    if (worker.busy() > 0) deps.logger.info("finishing jobs", { jobs: worker.busy(), graceSeconds: graceMs / 1000 });
    await untilQuiet(graceMs);
    if (worker.busy() > 0) {
      deps.logger.warn("the grace period is over: jobs are interrupted and released", { jobs: worker.busy() });
      worker.abort();
      await untilQuiet(ABORT_GRACE_MS + FLUSH_MS);
    }
    const late = !worker.quiet();
    // Also where all is written: what is pushed from now on is given back by one statement, or expires.
    worker.giveUp();
    if (late) await untilQuiet(FLUSH_MS);
    return wrote && worker.quiet();
  };

  return {
    /** Called whenever something may have ended. */
    check: () => {
      if (waiting !== undefined && worker.quiet()) waiting();
    },
    failed: () => (wrote = false),
    stop: (graceMs: number): Promise<boolean> => (stopped ??= stop(graceMs)),
  };
};
