/** What node:http can't read as a request is refused as every other one, with a problem, and its connection ends. */
import { randomUUID } from "node:crypto";
import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { type ErrorCode, ForgeqError } from "../core/errors.ts";
import { toResult } from "./middleware.ts";
import { problemOf } from "./problem.ts";

const REFUSALS: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: ["request_timeout", "The request did not come in time"],
  HPE_HEADER_OVERFLOW: ["headers_too_large", "The request line and headers are too large"],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: ["payload_too_large", "The extensions of the body's chunks are too large"],
};

const MALFORMED = ["malformed_request", "The request is not valid HTTP/1.1"] as const;

/** The whole answer, as it goes over the wire. */
const refusalOf = (code: string): string => {
  const requestId = randomUUID();
  const refused = new ForgeqError(...(REFUSALS[code] ?? MALFORMED));
  const { statusCode = 400, headers = {}, body = "" } = toResult(problemOf(refused, requestId), requestId);
  const sent = { ...headers, connection: "close", "content-length": Buffer.byteLength(body) };
  const lines = Object.entries(sent).map(([name, value]) => `${name}: ${String(value)}\r\n`);
  return `HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode] ?? ""}\r\n${lines.join("")}\r\n${body}`;
};

/** Whether the connection's request was read to its end and is not answered yet, or its answer has begun: a refusal would be taken for that answer. */
const isAnswering = (answer: ServerResponse | undefined): boolean =>
  answer !== undefined && !answer.writableFinished && (answer.headersSent || answer.req.complete);

/** Lets a server refuse what it can't read with a problem. */
export const refuseUnread = (server: Server): void => {
  const answers = new WeakMap<Duplex, ServerResponse>();
  const note = (request: IncomingMessage, response: ServerResponse) => void answers.set(request.socket, response);
  server.on("request", note).on("checkContinue", note);
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    if (!socket.writable || isAnswering(answers.get(socket))) socket.destroy();
    else socket.end(refusalOf(error.code ?? ""), () => socket.destroy());
  });
};
