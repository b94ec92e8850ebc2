import * as queues from "../../db/reads/queues.ts";
import type { Deps } from "../deps.ts";
import { wakeDispatcher } from "../wake/wake-dispatcher.ts";

/** Ends the pauses whose end has come, and wakes who takes jobs of their queues. A take ends one for itself, so a lost wake costs at most a tick. */
export const endPauses = async (deps: Deps): Promise<void> => {
  for (const name of await queues.endPauses(deps.db, deps.clock())) {
    deps.logger.info("a pause has come to its end", { queue: name });
    await wakeDispatcher(deps, 0, name);
  }
};
