/** When the server is asked again: a pure function of the situation. */

export type Activity = "live" | "paused" | "hidden" | "idle" | "asleep" | "failing";

export interface Situation {
  readonly nowMs: number;
  readonly intervalMs: number;
  readonly paused: boolean;
  readonly hidden: boolean;
  /** When somebody last moved a pointer or pressed a key. */
  readonly touchedAtMs: number;
  /** When an answer last differed from the one before. */
  readonly changedAtMs: number;
  /** Nothing can change before it; `Infinity`: nothing is planned; null: something may change any time. */
  readonly quietUntilMs: number | null;
  /** Failures in a row. */
  readonly failures: number;
}

/** After so long without a key or a pointer nobody is there. */
const IDLE_MS = 5 * 60_000;
/** A quiet database that shows nothing new for so long is left to sleep. */
const ASLEEP_MS = 60_000;
/** Without changes the server is asked ever more rarely: after a fifth of the time since the last one. */
const CALM_MS = 10_000;
const SLOWEST_MS = 30_000;
const SLOWEST_FAILING_MS = 60_000;
/** A quiet time that ends sooner is not worth sleeping through. */
const SHORTEST_SLEEP_MS = 5_000;

const isAsleep = ({ nowMs, quietUntilMs, changedAtMs, failures }: Situation): boolean =>
  failures === 0 &&
  quietUntilMs !== null &&
  quietUntilMs - nowMs > SHORTEST_SLEEP_MS &&
  nowMs - changedAtMs > ASLEEP_MS;

export const activityOf = (situation: Situation): Activity => {
  const { paused, hidden, nowMs, touchedAtMs, failures } = situation;
  if (paused) return "paused";
  if (hidden) return "hidden";
  if (nowMs - touchedAtMs > IDLE_MS) return "idle";
  if (isAsleep(situation)) return "asleep";
  return failures > 0 ? "failing" : "live";
};

/** How long until the next question; null: not by itself. */
export const waitMsOf = (situation: Situation): number | null => {
  const { nowMs, intervalMs, changedAtMs, quietUntilMs, failures } = situation;
  const activity = activityOf(situation);
  if (activity === "asleep") return quietUntilMs === null || quietUntilMs === Infinity ? null : quietUntilMs - nowMs;
  if (activity === "failing")
    return Math.min(SLOWEST_FAILING_MS, Math.max(1_000, intervalMs) * 2 ** Math.min(failures, 6));
  if (activity !== "live") return null;
  const unchangedMs = nowMs - changedAtMs;
  return unchangedMs < CALM_MS ? intervalMs : Math.max(intervalMs, Math.min(SLOWEST_MS, unchangedMs / 5));
};
