import type * as z from "zod";
import type { JobContext } from "../../../lib/queue/run/job-context.ts";
import { decodeText } from "./charset.ts";
import type { Network } from "./connect.ts";
import { withDeadline } from "./deadline.ts";
import { extractPage } from "./extract.ts";
import type { Extract } from "./extract.ts";
import { fetchPage } from "./fetch-page.ts";
import type { Limits } from "./fetch-page.ts";
import type { crawlPage } from "./job.ts";
import { countWords } from "./text.ts";

/** The job's result. */
export interface CrawledPage {
  readonly url: string;
  /** Where the redirects led. */
  readonly final_url: string;
  readonly status: number;
  readonly title: string | null;
  readonly description: string | null;
  readonly links: readonly string[];
  readonly link_count: number;
  readonly word_count: number;
  /** The size of the decompressed body. */
  readonly bytes: number;
}

export interface CrawlLimits extends Limits {
  /** The time for all requests and the reading of the page together. */
  readonly totalMs: number;
}

export const LIMITS: CrawlLimits = { maxRedirects: 5, maxBytes: 5 * 1024 * 1024, requestMs: 15_000, totalMs: 45_000 };

const textOnly = (text: string): Extract => ({
  title: null,
  description: null,
  links: [],
  linkCount: 0,
  wordCount: countWords(text),
});

/**
 * Fetches a page and says what is on it. Reaches public addresses and those that the network's allow-list names, whatever
 * the URL, its redirects or DNS say.
 *
 * @throws PermanentError for a forbidden address, a 4xx, a body that is too large or no page; RetryAfter when the site names
 *   a time; otherwise an Error that a retry may cure; the signal's reason when it aborts
 */
export const crawl = async (
  deps: { readonly network: Network; readonly limits: CrawlLimits },
  payload: z.output<typeof crawlPage.payload>,
  job: Pick<JobContext, "signal" | "heartbeat">,
): Promise<CrawledPage> => {
  const { network, limits } = deps;
  const late = `the crawl of ${payload.url} took longer than ${limits.totalMs} ms`;
  return withDeadline(job.signal, limits.totalMs, late, async (signal) => {
    const page = await fetchPage(network, new URL(payload.url), { limits, signal, onChunk: () => job.heartbeat() });
    const text = decodeText(page.body, page.contentType);
    const found = page.type === "text/plain" ? textOnly(text) : await extractPage(text, page.url, signal);
    return {
      url: payload.url,
      final_url: page.url.href,
      status: page.status,
      title: found.title,
      description: found.description,
      links: found.links,
      link_count: found.linkCount,
      word_count: found.wordCount,
      bytes: page.body.length,
    };
  });
};
