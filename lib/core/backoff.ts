import type { Backoff } from "./job.ts";

/** No delay is longer than a year. */
export const MAX_DELAY_SECONDS = 31_536_000;

/** A shorter delay is none: the database's clock counts microseconds. */
const MIN_DELAY_SECONDS = 0.000_001;

/** 2 ** 60 times any base is far above the longest delay, and far below what a double can hold. */
const MAX_EXPONENT = 60;

const delaySeconds = (backoff: Backoff, attempt: number): number => {
  switch (backoff.type) {
    case "exponential":
      return Math.min(backoff.maxSeconds, backoff.baseSeconds * 2 ** Math.min(attempt - 1, MAX_EXPONENT));
    case "linear":
      return Math.min(backoff.maxSeconds, backoff.baseSeconds * attempt);
    case "fixed":
      return backoff.seconds;
    case "list":
      return backoff.delaysSeconds[Math.min(attempt, backoff.delaysSeconds.length) - 1] ?? 0;
  }
};

/**
 * Seconds to wait after an attempt failed, 0 to one year. `forgeq.backoff_seconds` computes the same in SQL.
 *
 * @param attempt - the attempt that failed, from 1; a list's last delay repeats
 * @param random - 0 to 1; with full jitter the delay is this part of the computed one
 */
export const backoffSeconds = (backoff: Backoff, attempt: number, random: number): number => {
  const seconds = Math.min(MAX_DELAY_SECONDS, delaySeconds(backoff, Math.max(1, attempt)));
  if (seconds < MIN_DELAY_SECONDS) return 0;
  return backoff.jitter === "full" ? seconds * random : seconds;
};

/** A backoff as it is stored in the database. */
export type WireBackoff =
  | { type: "exponential" | "linear"; base_seconds: number; max_seconds: number; jitter: Backoff["jitter"] }
  | { type: "fixed"; seconds: number; jitter: Backoff["jitter"] }
  | { type: "list"; delays_seconds: number[]; jitter: Backoff["jitter"] };

/** The snake_case JSON of a backoff, as `forgeq.job_type` keeps it. */
export const backoffToWire = (backoff: Backoff): WireBackoff => {
  const { type, jitter } = backoff;
  switch (type) {
    case "exponential":
    case "linear":
      return { type, base_seconds: backoff.baseSeconds, max_seconds: backoff.maxSeconds, jitter };
    case "fixed":
      return { type, seconds: backoff.seconds, jitter };
    case "list":
      return { type, delays_seconds: [...backoff.delaysSeconds], jitter };
  }
};
