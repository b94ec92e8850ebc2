import { reasonOf } from "../../core/reason.ts";
import { tidy } from "../../db/protocol/maintenance.ts";
import type { Deps } from "../deps.ts";
import { tick } from "./tick.ts";
import { noteClock, noteRepaired, ROWS_PER_CALL, TICK_PARTS } from "./tick-parts.ts";

/** A tick keeps ten seconds of its time in reserve, as on Lambda. */
const TICK_MS = 55_000;

/**
 * The tick of a process that recovers leases and fires slots by itself: one statement where there is nothing to do, which is how it mostly is; a whole tick
 * where there is more, or where that statement failed, since the parts of a tick stop each other not.
 */
export const quietTick = async (deps: Deps): Promise<void> => {
  const startedAtMs = deps.time.elapsedMs();
  const whole = () => tick(deps, () => TICK_MS - (deps.time.elapsedMs() - startedAtMs));
  try {
    const names = TICK_PARTS.map(({ name }) => name);
    const found = await tidy(deps.db, ROWS_PER_CALL, names, deps.clock());
    noteClock(deps, found.behindSeconds);
    await noteRepaired(deps, found.repaired, found.redated);
    if (found.more) await whole();
  } catch (error) {
    deps.logger.warn("a tick in one statement failed; its parts are done one by one", { reason: reasonOf(error) });
    await whole();
  }
};
