import { ForgeqError } from "../core/errors.ts";

export interface Rate {
  readonly requests: number;
  readonly seconds: number;
}

/**
 * Reads FORGEQ_RATE_LIMIT.
 *
 * @param text - `100/1s`: so many requests in so many seconds
 * @throws ForgeqError `internal` that names the variable
 */
export const parseRate = (text: string): Rate => {
  const [, requests, seconds] = /^([1-9]\d{0,6})\/([1-9]\d{0,4})s$/.exec(text) ?? [];
  if (requests === undefined || seconds === undefined)
    throw new ForgeqError("internal", "FORGEQ_RATE_LIMIT is not valid: it is requests/seconds, as 100/1s");
  return { requests: Number(requests), seconds: Number(seconds) };
};

interface Bucket {
  tokens: number;
  atMs: number;
}

/** Buckets that are full again say nothing, and are dropped when there are so many. */
const MOST_BUCKETS = 1_000;

/**
 * A bucket of tokens for each key, in the memory of this process: so many requests may come together, and they come back over time.
 *
 * @returns takes a token, and gives the headers that say what is left; https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
 * @throws ForgeqError `rate_limited` when none is left
 */
export const createRateLimit = ({ requests, seconds }: Rate, elapsedMs: () => number) => {
  const buckets = new Map<string, Bucket>();
  const msPerToken = (seconds * 1000) / requests;
  const policy = { "ratelimit-policy": `"default";q=${requests};w=${seconds}` };

  const headersOf = ({ tokens }: Bucket) => {
    const untilFull = Math.ceil(((requests - tokens) * msPerToken) / 1000);
    return { ...policy, ratelimit: `"default";r=${Math.floor(tokens)};t=${untilFull}` };
  };

  return (keyId: string): Record<string, string> => {
    const nowMs = elapsedMs();
    if (buckets.size > MOST_BUCKETS)
      for (const [id, { atMs }] of buckets) if (nowMs - atMs >= seconds * 1000) buckets.delete(id);
    const bucket = buckets.get(keyId) ?? { tokens: requests, atMs: nowMs };
    buckets.set(keyId, bucket);
    bucket.tokens = Math.min(requests, bucket.tokens + (nowMs - bucket.atMs) / msPerToken);
    bucket.atMs = nowMs;
    if (bucket.tokens < 1)
      throw new ForgeqError("rate_limited", `A key may send ${requests} requests in ${seconds} s`, {
        retryAfterSeconds: ((1 - bucket.tokens) * msPerToken) / 1000,
        headers: headersOf(bucket),
      });
    bucket.tokens -= 1;
    return headersOf(bucket);
  };
};

export type RateLimit = ReturnType<typeof createRateLimit>;
