import { defineQueue } from "../lib/core/define.ts";

/** Mail servers throttle senders: few concurrent connections. */
export const emails = defineQueue({ name: "emails", maxInFlight: 20 });

/** Other people's sites and this account's outbound traffic. */
export const crawl = defineQueue({ name: "crawl", maxInFlight: 10 });

/** A report reads the history for a while; two concurrent ones leave the database to the jobs. */
export const reports = defineQueue({ name: "reports", maxInFlight: 2 });

/** The queues whose limits are not the defaults. */
export const queues = [emails, crawl, reports] as const;
