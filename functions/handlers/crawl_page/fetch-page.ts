import { PermanentError } from "../../../lib/core/errors.ts";
import { readBody } from "./body.ts";
import { get } from "./connect.ts";
import type { Network } from "./connect.ts";
import { withDeadline } from "./deadline.ts";
import { checkStatus, pageType, redirectTarget } from "./status.ts";

/** What one crawl may cost. */
export interface Limits {
  readonly maxRedirects: number;
  /** The largest body, as sent and as decompressed. */
  readonly maxBytes: number;
  /** The time for one request and its body. */
  readonly requestMs: number;
}

/** A page as it came, decompressed. */
export interface Page {
  readonly url: URL;
  readonly status: number;
  /** text/html, application/xhtml+xml or text/plain. */
  readonly type: string;
  readonly contentType: string;
  readonly body: Buffer;
}

interface Options {
  readonly limits: Limits;
  readonly signal: AbortSignal;
  /** Awaited for each piece of the body that arrives. */
  readonly onChunk: () => Promise<void>;
}

const fetchOnce = async (network: Network, url: URL, options: Options): Promise<Page | { readonly redirect: URL }> => {
  const response = await get(network, url, options.signal);
  try {
    const redirect = redirectTarget(response, url);
    if (redirect) return { redirect };
    // A site's Retry-After may be a date, and this machine's clock is all there is to compare it with.
    // eslint-disable-next-line no-restricted-properties
    checkStatus(response, url, Date.now());
    const type = pageType(response, url);
    const { signal, onChunk, limits } = options;
    const body = await readBody(response, { maxBytes: limits.maxBytes, signal, onChunk });
    return { url, status: response.statusCode!, type, contentType: response.headers["content-type"]!, body };
  } finally {
    response.destroy();
  }
};

/**
 * Gets a page and follows its redirects; each hop passes the same checks as the first.
 *
 * @throws PermanentError when no later attempt can give a page; RetryAfter when the site says when; otherwise Error
 */
export const fetchPage = async (network: Network, start: URL, options: Options): Promise<Page> => {
  const { maxRedirects, requestMs } = options.limits;
  let url = start;
  for (let hop = 0; hop <= maxRedirects; hop += 1) {
    const late = `${url.href} took longer than ${requestMs} ms`;
    const answer = await withDeadline(options.signal, requestMs, late, (signal) =>
      fetchOnce(network, url, { ...options, signal }),
    );
    if (!("redirect" in answer)) return answer;
    url = answer.redirect;
  }
  throw new PermanentError(`${start.href} redirects more than ${maxRedirects} times`);
};
