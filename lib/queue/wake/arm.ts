import type { ArmOutcome, Armer, Deps } from "../deps.ts";

const MINUTE_MS = 60_000;
/** So late in a minute its successor may have begun by the other side's clock. */
const MARGIN_MS = 5_000;
const REMEMBERED = 120;

/** Asks for each minute once in this process; what failed is asked for again. */
export const onceAMinute = (armer: Armer): Armer => {
  const asked = new Map<number, Promise<ArmOutcome>>();
  return {
    arm: (minuteMs) => {
      const known = asked.get(minuteMs);
      if (known !== undefined) return known;
      const answer = armer.arm(minuteMs);
      asked.set(minuteMs, answer);
      void answer.then(({ outcome }) => outcome === "failed" && asked.delete(minuteMs));
      const [oldest] = asked.keys();
      if (asked.size > REMEMBERED && oldest !== undefined) asked.delete(oldest);
      return answer;
    },
  };
};

/**
 * The minute of the wake for something that comes in `seconds`: the one before it, because a woken invocation sleeps until
 * its minute is over. Never the current minute, so a wake of that name is always still to come.
 */
export const wakeMinute = (nowMs: number, seconds: number): number => {
  const minute = (ms: number) => Math.floor(ms / MINUTE_MS) * MINUTE_MS;
  const soonest = minute(nowMs + MARGIN_MS) + MINUTE_MS;
  return Math.max(soonest, minute(nowMs + seconds * 1000) - MINUTE_MS);
};

/** What arming needs: no database, so that a client inside its own transaction has it, too. */
export type Arming = Pick<Deps, "armer" | "time" | "metrics" | "logger">;

/** How far ahead one wake reaches: what is later is armed again from there. EventBridge takes one-shots for years ahead. */
const LONGEST_SECONDS = 366 * 86_400;

/**
 * Armed mode: sees to it that a tick comes for something due in `seconds`; does nothing in the other mode. A hint that is
 * made before what it is for is committed; a failure is logged.
 */
export const arm = async (deps: Arming, seconds: number): Promise<void> => {
  if (deps.armer === undefined) return;
  const minuteMs = wakeMinute(deps.time.wallMs(), Math.min(Math.max(seconds, 0), LONGEST_SECONDS));
  const { outcome, message } = await deps.armer.arm(minuteMs);
  if (outcome === "armed") deps.metrics.count("WakesArmed", 1);
  if (outcome === "failed") deps.logger.warn("a wake could not be armed", { reason: message });
};

/** Before a commit that leaves something to do: should the wake after it be lost, a tick comes within two minutes. */
export const armNextMinute = (deps: Arming): Promise<void> => arm(deps, 0);
