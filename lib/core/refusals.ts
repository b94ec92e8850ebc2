import type { ErrorCode } from "./errors.ts";

const counts = { unauthorized: 0, forbidden: 0, rate_limited: 0 };

export type Refusal = keyof typeof counts;

/** Is a request with this error one that its key was refused for? */
export const isRefusal = (code: ErrorCode): code is Refusal => code in counts;

export const countRefusal = (code: Refusal): void => {
  counts[code] += 1;
};

/** Requests of this process that were refused for their key, since it started. Kept in memory: a stranger's request costs no transaction. */
export const refusals = (): Readonly<Record<Refusal, number>> => counts;
