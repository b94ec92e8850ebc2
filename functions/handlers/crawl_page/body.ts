import type { IncomingMessage } from "node:http";
import type { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import { PermanentError } from "../../../lib/core/errors.ts";

/** The decoder of a Content-Encoding; undefined when the body is sent as it is. RFC 9110 8.4.1 */
const decoderFor = (encoding: string): Transform | undefined => {
  switch (encoding.trim().toLowerCase()) {
    case "":
    case "identity":
      return undefined;
    case "gzip":
    case "x-gzip":
      return createGunzip();
    case "br":
      return createBrotliDecompress();
    case "deflate":
      return createInflate();
    default:
      throw new PermanentError(`the page is sent as ${JSON.stringify(encoding)}, which was not asked for`);
  }
};

const atMost = (maxBytes: number) =>
  async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let bytes = 0;
    for await (const chunk of chunks) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw new PermanentError(`the page is larger than ${maxBytes} bytes`);
      yield chunk;
    }
  };

/**
 * Reads and decompresses a response. The limit holds for what is sent and for what comes out, so a small body
 * that unpacks to a huge one is dropped as soon as it passes the limit.
 *
 * @param options.onChunk - awaited for each piece, so the peer is slowed down by it
 */
export const readBody = async (
  response: IncomingMessage,
  options: { readonly maxBytes: number; readonly signal: AbortSignal; readonly onChunk: () => Promise<void> },
): Promise<Buffer> => {
  const decoder = decoderFor(response.headers["content-encoding"] ?? "");
  const collect = async (chunks: AsyncIterable<Buffer>): Promise<Buffer> => {
    const parts: Buffer[] = [];
    for await (const chunk of chunks) {
      parts.push(chunk);
      await options.onChunk();
    }
    return Buffer.concat(parts);
  };
  const { maxBytes, signal } = options;
  return decoder
    ? pipeline(response, atMost(maxBytes), decoder, atMost(maxBytes), collect, { signal })
    : pipeline(response, atMost(maxBytes), collect, { signal });
};
