import { wakeWanted } from "../../db/protocol/wake.ts";
import type { WakeSeconds } from "../../db/protocol/settle.ts";
import { arm, armNextMinute } from "./arm.ts";
import type { Deps } from "../deps.ts";
import { invokeAgain } from "./invoke-again.ts";
import { reasonOf } from "../../core/reason.ts";

/** A dispatcher waits inside its invocation for jobs due within this many seconds; later ones are the tick's. */
export const WAIT_HORIZON_SECONDS = 120;

/**
 * Wakes a dispatcher for work that falls due in `wakeSeconds`, unless one is at it already. A hint: losing it costs time,
 * never a job, so a failure is logged and forgotten. Worker processes get the hint first.
 */
export const wakeDispatcher = async (deps: Deps, wakeSeconds: WakeSeconds, queue?: string): Promise<void> => {
  if (wakeSeconds !== null) await deps.hintWorkers?.(wakeSeconds, queue);
  await invokeDispatcher(deps, wakeSeconds, queue);
};

/** The same without a hint to the workers. In armed mode a tick is armed for work that is due later. */
export const invokeDispatcher = async (deps: Deps, wakeSeconds: WakeSeconds, queue?: string): Promise<void> => {
  const { dispatcherFunction } = deps.config;
  if (wakeSeconds !== null && wakeSeconds > WAIT_HORIZON_SECONDS) await arm(deps, wakeSeconds);
  if (wakeSeconds === null || wakeSeconds > WAIT_HORIZON_SECONDS || dispatcherFunction === null) return;
  try {
    if (!(await wakeWanted(deps.db, wakeSeconds, deps.clock(), deps.config.owner ?? null))) return;
    const answer = await invokeAgain(deps, dispatcherFunction, queue === undefined ? {} : { queue });
    deps.metrics.count("WakesSent", 1);
    if (answer.outcome !== "accepted") {
      deps.logger.warn("the dispatcher could not be woken", { outcome: answer.outcome, reason: answer.message });
      await armNextMinute(deps);
    }
  } catch (error) {
    deps.logger.warn("the dispatcher could not be woken", {
      reason: reasonOf(error),
    });
    await armNextMinute(deps);
  }
};
