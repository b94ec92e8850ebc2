import type { IncomingMessage } from "node:http";
import { PermanentError, RetryAfter } from "../../../lib/core/errors.ts";
import { MAX_URL_LENGTH } from "./links.ts";

/** A site may ask for a day; no stranger makes a job wait longer. */
const MAX_RETRY_AFTER_SECONDS = 86_400;

/** RFC 9110 10.2.3: seconds, or a date. Undefined when it is neither. */
export const retryAfterSeconds = (value: string | undefined, nowMs: number): number | undefined => {
  if (value === undefined) return undefined;
  const seconds = /^\d+$/.test(value.trim()) ? Number(value) : (Date.parse(value) - nowMs) / 1000;
  return Number.isNaN(seconds) ? undefined : Math.min(Math.max(Math.ceil(seconds), 0), MAX_RETRY_AFTER_SECONDS);
};

/** 408, 425 and 429 say "later". */
const TRANSIENT = new Set([408, 425, 429]);

/**
 * Refuses every answer that is not a page.
 *
 * @throws RetryAfter when the site says when to come back; Error for what may pass (5xx, 408, 425, 429); PermanentError for the rest
 */
export const checkStatus = (response: IncomingMessage, url: URL, nowMs: number): void => {
  const status = response.statusCode ?? 0;
  if (status >= 200 && status < 300) return;
  const message = `${url.href} answered ${status}`;
  const seconds = retryAfterSeconds(response.headers["retry-after"], nowMs);
  if (seconds !== undefined && (status === 429 || status === 503)) throw new RetryAfter(seconds, message);
  if (status >= 500 || TRANSIENT.has(status)) throw new Error(message);
  throw new PermanentError(message);
};

const tooLong = (url: URL): PermanentError =>
  new PermanentError(`${url.href} redirects to a URL of more than ${MAX_URL_LENGTH} characters`);

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * Where a redirect leads; undefined when the response is none.
 *
 * @throws PermanentError when it leads to something other than an http or https URL without credentials, of at most 2,048 characters
 */
export const redirectTarget = (response: IncomingMessage, url: URL): URL | undefined => {
  const { location } = response.headers;
  if (!REDIRECTS.has(response.statusCode ?? 0) || location === undefined) return undefined;
  // Only so many characters of what a stranger sends are parsed, and stand in an error's text.
  if (location.length > MAX_URL_LENGTH) throw tooLong(url);
  const target = URL.parse(location, url.href);
  if (!target || !/^https?:$/.test(target.protocol) || target.username !== "" || target.password !== "")
    throw new PermanentError(`${url.href} redirects to ${JSON.stringify(location)}, which is not crawled`);
  if (target.href.length > MAX_URL_LENGTH) throw tooLong(url);
  return target;
};

const PAGE_TYPES = new Set(["text/html", "application/xhtml+xml", "text/plain"]);

/**
 * The media type of a page, lower case and without parameters.
 *
 * @throws PermanentError for anything but HTML, XHTML and plain text
 */
export const pageType = (response: IncomingMessage, url: URL): string => {
  const type = (response.headers["content-type"] ?? "").split(";", 1)[0]!.trim().toLowerCase();
  if (!PAGE_TYPES.has(type)) throw new PermanentError(`${url.href} is ${type || "of no stated type"}, not a page`);
  return type;
};
