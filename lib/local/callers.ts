/** Who may call an endpoint of this machine: programs that know its secret. Other users and web pages reach its port, too. */
import { randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { isLoopback } from "../core/loopback.ts";

const HOST = /^(.*?)(?::\d+)?$/;

/**
 * Does a web page send this request? A browser adds an Origin to whatever a page may not read or changes something with, and to each
 * WebSocket. A page whose own name was made to lead to this machine (DNS rebinding) has that name as its Host.
 *
 * @param isOpen - the endpoint listens for other machines, too, which call it by names of their choice
 */
export const isFromPage = ({ headers }: Pick<IncomingMessage, "headers">, isOpen = false): boolean =>
  headers.origin !== undefined || (!isOpen && !isLoopback(HOST.exec(headers.host ?? "")?.[1] ?? ""));

/** Does the API's own page send this request: one that this machine's own address has served? */
export const isOwnPage = (request: IncomingMessage): boolean => {
  const { origin, host = "" } = request.headers;
  return origin === `http://${host}` && !isFromPage({ headers: { host } });
};

/** Refuses without looking at the rest of the request. */
export const refuse = (response: ServerResponse): void => {
  response.writeHead(403, { "content-type": "text/plain", connection: "close" }).end("this is not for web pages\n");
};

/** A secret that can be a part of a URL. */
export const newSecret = (): string => randomBytes(24).toString("base64url");

export const isSecret = (secret: string, given: string): boolean => {
  const [expected, got] = [Buffer.from(secret), Buffer.from(given)];
  return expected.length === got.length && timingSafeEqual(expected, got);
};

/** The target of a request after the secret, with which it begins; null where the secret is missing or wrong. */
export const behindSecret = (secret: string, target = ""): string | null =>
  target[secret.length + 1] === "/" && isSecret(secret, target.slice(1, secret.length + 1))
    ? target.slice(secret.length + 1)
    : null;
