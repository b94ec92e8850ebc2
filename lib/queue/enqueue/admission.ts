import { ForgeqError } from "../../core/errors.ts";

/** A caller that may leave before it is answered, or be answered before its jobs are stored: a request of the HTTP API. */
export interface Caller {
  /** Nobody waits any more: what was not sent to Postgres yet is not sent. */
  readonly hasLeft: () => boolean;
}

/** Of jobs that wait to be stored in this process, those under way included. */
const MOST_BYTES = 16_000_000;
/** What a request holds beside its payloads, about. */
const REQUEST_BYTES = 4_000;

/**
 * Bounds what waits while Postgres is slower than its callers: one more is refused immediately, and may try again somewhere else.
 *
 * @throws {ForgeqError} `busy` - nothing was stored
 */
export const createAdmission = (mostBytes = MOST_BYTES) => {
  let heldBytes = 0;
  return async <Result>(bytes: number, work: () => Promise<Result>): Promise<Result> => {
    const size = bytes + REQUEST_BYTES;
    // However large it is, one alone is let in.
    if (heldBytes > 0 && heldBytes + size > mostBytes)
      throw new ForgeqError("busy", "too many jobs wait to be stored: none of this request was", {
        retryAfterSeconds: 1,
      });
    heldBytes += size;
    try {
      return await work();
    } finally {
      heldBytes -= size;
    }
  };
};
