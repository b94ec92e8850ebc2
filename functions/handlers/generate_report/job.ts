import * as z from "zod";
import { defineJob } from "../../../lib/core/define.ts";

const MAX_DAYS = 366;
const DAY_MS = 86_400_000;

const instant = z.iso.datetime({ offset: true });

/** Writes a CSV of the jobs that finished in [from, to), counted by hour, type and state. */
export const generateReport = defineJob({
  type: "generate_report",
  queue: "reports",
  payload: z
    .object({ from: instant, to: instant })
    .refine(({ from, to }) => Date.parse(from) < Date.parse(to), { path: ["to"], message: "must be later than from" })
    .refine(({ from, to }) => Date.parse(to) - Date.parse(from) <= MAX_DAYS * DAY_MS, {
      path: ["to"],
      message: `must be at most ${MAX_DAYS} days after from`,
    })
    .meta({ examples: [{ from: "2030-01-01T00:00:00Z", to: "2030-02-01T00:00:00Z" }] }),
  retry: { maxAttempts: 5, backoff: { type: "exponential", baseSeconds: 10, maxSeconds: 900, jitter: "full" } },
  timeoutSeconds: 600,
  batchSize: 1,
});
