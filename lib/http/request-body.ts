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

/** Who gets a body as it comes. */
interface Receiver<Chunk> {
  readonly chunk: (chunk: Chunk) => void;
  readonly end: () => void;
  readonly fail: (error: Error) => void;
}

/** Hands on what comes, until it has come or the function that it returns is called. */
export type Source<Chunk> = (receiver: Receiver<Chunk>) => () => void;

/**
 * The whole body, if it fits.
 *
 * @param free - is given each chunk when nobody reads it any more
 * @throws ForgeqError `payload_too_large`, `busy` when the process holds too many, `request_timeout` when nothing comes for `quietMs`
 */
export const collect = <Chunk extends Uint8Array>(
  source: Source<Chunk>,
  budget: Budget,
  { maxBytes, quietMs = QUIET_MS }: { readonly maxBytes: number; readonly quietMs?: number | undefined },
  free: (chunk: Chunk) => void = () => undefined,
): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const chunks: Chunk[] = [];
    let bytes = 0;
    let over = false;
    const finish = (): void => {
      // A connection may break after its body has come.
      if (over) return;
      over = true;
      clearTimeout(timer);
      stop();
      budget.heldBytes -= bytes;
      chunks.forEach(free);
    };
    const fail = (error: Error): void => {
      reject(error);
      finish();
    };
    const timer = setTimeout(() => fail(quiet(quietMs)), quietMs);
    const stop = source({
      chunk: (chunk) => {
        timer.refresh();
        chunks.push(chunk);
        bytes += chunk.length;
        budget.heldBytes += chunk.length;
        if (bytes > maxBytes) fail(tooLarge(maxBytes));
        else if (budget.heldBytes > budget.mostBytes) fail(crowded());
      },
      end: () => {
        resolve(Buffer.concat(chunks));
        finish();
      },
      fail,
    });
  });

/** What comes when the receiver has stopped is dropped. */
const chunksOf =
  (request: IncomingMessage): Source<Buffer> =>
  ({ chunk, end, fail }) => {
    request.on("data", chunk).on("end", end).on("error", fail);
    return () => {
      request.off("data", chunk).off("end", end);
      if (!request.readableEnded) request.on("data", release);
    };
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
    const body = await collect(chunksOf(request), budget, { maxBytes, quietMs }, release);
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
