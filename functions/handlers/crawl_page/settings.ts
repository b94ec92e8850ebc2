import { setting } from "../../../lib/runtime.ts";

/** FORGEQ_CRAWL_ALLOW: each `host` or `host:port` that may be reached although it is private. None unless set. */
export const crawlAllow = (): string[] =>
  (setting("FORGEQ_CRAWL_ALLOW") ?? "")
    .split(",")
    .map((entry) => entry.trim())
    .filter(Boolean);
