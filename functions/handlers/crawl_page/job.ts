import * as z from "zod";
import { defineJob } from "../../../lib/core/define.ts";

const isPageUrl = (value: string): boolean => {
  const url = URL.parse(value);
  return url !== null && /^https?:$/.test(url.protocol) && url.username === "" && url.password === "";
};

/** Reads one public web page and keeps what is on it. */
export const crawlPage = defineJob({
  type: "crawl_page",
  queue: "crawl",
  payload: z
    .object({
      url: z.string().max(2048).refine(isPageUrl, "must be an absolute http or https URL without credentials"),
    })
    .meta({ examples: [{ url: "https://example.com/" }] }),
  retry: { maxAttempts: 5, backoff: { type: "exponential", baseSeconds: 5, maxSeconds: 900, jitter: "full" } },
  timeoutSeconds: 60,
  batchSize: 5,
});
