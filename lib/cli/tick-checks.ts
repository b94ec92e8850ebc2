/** Checks of what ticks leave undone when nobody makes them. */
import { hasOldJobs, readLateTickParts, readOverdueSlots } from "../db/reads/doctor.ts";
import { type Check, fine, STALE_SECONDS } from "./check.ts";

const TICK_CURE =
  "start a worker or a server without --no-scheduler (forgeq worker), or read the scheduler's log and check its schedule";

export const schedules: Check = async (db) => {
  const overdue = await readOverdueSlots(db, STALE_SECONDS);
  if (overdue.length === 0) return fine("no slot of a schedule is overdue");
  const named = overdue.map(({ name, seconds }) => `${name} (${Math.round(seconds)} s)`);
  return {
    level: "problem",
    found: `slots are overdue, and nobody fires them: ${named.join(", ")}`,
    cure: TICK_CURE,
  };
};

/** What a tick that was not made leaves undone. */
const LATE_PARTS: Readonly<Record<string, string>> = {
  purge: "the history is not purged",
  repair: "claims without a lease are not repaired",
};
const LATE_SECONDS = 3_600;

export const cleanUp: Check = async (db) => {
  const late = await readLateTickParts(db, Object.keys(LATE_PARTS), LATE_SECONDS);
  if (late.length === 0 || !(await hasOldJobs(db))) return fine("the history is purged, and claims are repaired");
  const named = late.map(
    ({ part, seconds }) =>
      `${LATE_PARTS[part]} ${seconds === null ? "at all" : `since ${Math.round(seconds / 60)} minutes`}`,
  );
  return { level: "problem", found: named.join("; "), cure: TICK_CURE };
};
