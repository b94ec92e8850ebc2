/** serverless-offline reads a body before anybody is asked for a key. This holds what it reads, and for how long. */
import type { IncomingMessage, Server, ServerResponse } from "node:http";

/** Of all bodies that are being received. */
const MOST_BYTES = 32_000_000;
/** As much as serverless-offline takes of one whose length is not said. */
const UNKNOWN_BYTES = 10_485_760;
/** What a gateway takes. */
const LARGEST_BYTES = 6_000_000;
const MOST_CONNECTIONS = 500;
const HEADERS_MS = 10_000;
const REQUEST_MS = 60_000;

const lengthOf = ({ headers }: IncomingMessage): number =>
  headers["transfer-encoding"] === undefined ? Number(headers["content-length"] ?? 0) : UNKNOWN_BYTES;

const refuse = (response: ServerResponse, status: 413 | 503, text: string): false => {
  response
    .writeHead(status, { "content-type": "text/plain", "retry-after": "1", connection: "close" })
    .end(`${text}\n`);
  return false;
};

/** Says whether a request's body fits beside those that are being received; refuses it otherwise. */
export const createBodyLimits = (): ((request: IncomingMessage, response: ServerResponse) => boolean) => {
  let heldBytes = 0;
  return (request, response) => {
    const bytes = lengthOf(request);
    if (bytes === 0) return true;
    if (bytes > LARGEST_BYTES && bytes !== UNKNOWN_BYTES) return refuse(response, 413, "the body is too large");
    if (heldBytes + bytes > MOST_BYTES) return refuse(response, 503, "too many bodies are being received");
    heldBytes += bytes;
    response.once("close", () => (heldBytes -= bytes));
    return true;
  };
};

/** A connection that sends nothing, or very slowly, ends. */
export const limitConnections = (server: Server): void => {
  server.maxConnections = MOST_CONNECTIONS;
  server.headersTimeout = HEADERS_MS;
  server.requestTimeout = REQUEST_MS;
};
