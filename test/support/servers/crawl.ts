import type { RequestListener } from "node:http";
import { onTestFinished } from "vitest";
import { parseAllowList } from "../../../functions/handlers/crawl_page/address.ts";
import type { Resolve } from "../../../functions/handlers/crawl_page/connect.ts";
import { crawl, type CrawlLimits, LIMITS } from "../../../functions/handlers/crawl_page/crawl.ts";
import { crawlPage } from "../../../functions/handlers/crawl_page/job.ts";
import { startSite } from "./site.ts";

export const HTML = { "content-type": "text/html; charset=utf-8" };
export const page =
  (body: string | Buffer, headers: Record<string, string> = HTML, status = 200): RequestListener =>
  (_request, response) =>
    response.writeHead(status, headers).end(body);
export const redirect = (location: string): RequestListener => page("", { location }, 302);

export interface CrawlOptions {
  /** What the operator allows; PORT stands for the site's. */
  readonly allow?: readonly string[];
  readonly resolve?: Resolve;
  readonly limits?: Partial<CrawlLimits>;
}

/** A site of these pages, known as `site.test`, and the crawl of its pages. Ends with the test. */
export const setupCrawl = async (pages: Record<string, RequestListener>, options: CrawlOptions = {}) => {
  const site = await startSite(pages);
  onTestFinished(() => site.close());
  const allow = (options.allow ?? ["site.test:PORT"]).map((entry) => entry.replace("PORT", String(site.port)));
  const resolve: Resolve = options.resolve ?? (async () => [{ address: "127.0.0.1", family: 4 }]);
  const network = { resolve, isAllowed: parseAllowList(allow) };
  const controller = new AbortController();
  let heartbeats = 0;
  const heartbeat = async () => {
    heartbeats += 1;
  };
  const run = (url: string) =>
    crawl({ network, limits: { ...LIMITS, ...options.limits } }, crawlPage.payload.parse({ url }), {
      signal: controller.signal,
      heartbeat,
    });
  const at = (path: string): string => `http://site.test:${site.port}${path}`;
  return {
    site,
    controller,
    run,
    at,
    heartbeats: () => heartbeats,
    error: (path: string) => run(at(path)).catch((reason: unknown) => reason),
  };
};
