import { existsSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { lambdaHandler } from "../../../lib/job.ts";
import { faulty } from "./jobs.ts";

export const handler = lambdaHandler(faulty, async ({ act, until, gate }, job) => {
  if (job.attempt > until) return { attempt: job.attempt, pid: process.pid };
  switch (act) {
    case "throw":
      throw new TypeError(`attempt ${job.attempt} throws`);
    case "exit":
      return process.exit(7);
    case "hang":
      for (;;);
    case "work":
      while (!existsSync(`${gate}${job.attempt}`)) await pause(20, undefined, { signal: job.signal });
      return { attempt: job.attempt, pid: process.pid };
  }
});
