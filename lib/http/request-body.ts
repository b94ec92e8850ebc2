import type { IncomingMessage, ServerResponse } from "node:http";
import { ForgeqError } from "../core/errors.ts";
import type { RawBody } from "./body.ts";

/** A body that stops coming is given up. */
const QUIET_MS = 10_000;

/** Bodies that are being received, all connections of a process together. */
export const MOST_BODY_BYTES = 32_000_000;

export interface BodyLimits {
  readonly mostBodyBytes?: number;
  /** A body of which nothing comes for so long is given up. */
  readonly quietMs?: number;
}

/** Bytes of bodies that a process holds while they come in. */
export interface Budget {
  heldBytes: number;
  readonly mostBytes: number;
}

export const tooLarge = (maxBytes: number): ForgeqError =>
  new ForgeqError("payload_too_large", `At most ${maxBytes} bytes are taken`);

const crowded = (): ForgeqError =>
  new ForgeqError("busy", "too many bodies are being received: this one was not read", { retryAfterSeconds: 1 });

const quiet = (ms: number): ForgeqError =>
  new ForgeqError("request_timeout", `The body did not come: nothing arrived for ${ms / 1000} s`);

/** Smaller ones are left to the garbage collection. */
const LARGE_BYTES = 16 * 1024;

/**
 * Frees the memory of a chunk of a body now. Where little else is allocated, garbage collection comes late: of 200 large bodies a process would keep 50 MB,
 * and what lies in between is never given back to the system. Nothing may read the chunk afterwards.
 */
export const release = (chunk: Buffer): void => {
  const { buffer, length } = chunk;
  // A chunk that shares its memory with others leaves it alone.
  if (length >= LARGE_BYTES && buffer.byteLength === length && buffer instanceof ArrayBuffer) buffer.transfer(0);
};

/**
 * The whole body, if it fits.
 *
 * @param free - is given each chunk when nobody reads it any more
 * @throws ForgeqError `payload_too_large`, `busy` when the process holds too many, `request_timeout` when nothing comes for `quietMs`
 */
export const collect = async <Chunk extends Uint8Array>(
  body: AsyncIterator<Chunk, undefined>,
  budget: Budget,
  { maxBytes, quietMs = QUIET_MS }: { readonly maxBytes: number; readonly quietMs?: number | undefined },
  free: (chunk: Chunk) => void = () => undefined,
): Promise<Buffer> => {
  const chunks: Chunk[] = [];
  let bytes = 0;
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(quiet(quietMs)), quietMs);
  try {
    for (;;) {
      const { done, value: chunk } = await Promise.race([body.next(), late.promise]);
      if (done === true) return Buffer.concat(chunks);
      timer.refresh();
      bytes += chunk.length;
      budget.heldBytes += chunk.length;
      chunks.push(chunk);
      if (bytes > maxBytes) throw tooLarge(maxBytes);
      if (budget.heldBytes > budget.mostBytes) throw crowded();
    }
  } finally {
    clearTimeout(timer);
    budget.heldBytes -= bytes;
    chunks.forEach(free);
  }
};

/**
 * Reads a request's body when its route and its key are known; a client that waits for it is told to go on (100-continue).
 *
 * @throws ForgeqError `payload_too_large`, before it is read where its length is given; `busy` when the process holds too many;
 * `request_timeout` when nothing comes for ten seconds
 */
export const bodyReader =
  (request: IncomingMessage, response: ServerResponse, budget: Budget, quietMs?: number) =>
  async (maxBytes: number): Promise<RawBody> => {
    const { "content-length": length, "transfer-encoding": encoding } = request.headers;
    if (length === undefined && encoding === undefined) return {};
    if (Number(length ?? 0) > maxBytes) throw tooLarge(maxBytes);
    if (request.headers.expect !== undefined) response.writeContinue();
    const chunks = (request as AsyncIterable<Buffer, undefined>)[Symbol.asyncIterator]();
    const body = await collect(chunks, budget, { maxBytes, quietMs }, release);
    return body.length > 0 ? { body } : {};
  };

/** Node reads the rest of an unread body, to use the connection again; so much of it at most. */
const DRAINED_BYTES = 64 * 1024;

/** Must the connection end with this answer, because the body that comes on it is not wanted? */
export const isUnwanted = (request: IncomingMessage): boolean => {
  if (request.complete) return false;
  if (request.readableDidRead) return true;
  const { "content-length": length, "transfer-encoding": encoding, expect } = request.headers;
  if (expect !== undefined) return true;
  return length === undefined ? encoding !== undefined : Number(length) > DRAINED_BYTES;
};
