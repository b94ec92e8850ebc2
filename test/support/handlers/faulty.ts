import { existsSync, writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { lambdaHandler, PermanentError } from "../../../lib/job.ts";
import { faulty } from "./jobs.ts";

export const handler = lambdaHandler(faulty, async ({ act, until, gate }, job) => {
  if (job.attempt > until) return { attempt: job.attempt, pid: process.pid };
  switch (act) {
    case "throw":
      throw new TypeError(`attempt ${job.attempt} throws`);
    case "bury":
      throw new PermanentError("for good");
    case "snooze":
      if (existsSync(gate + job.id)) return null;
      writeFileSync(gate + job.id, "");
      return job.snooze(0);
    case "exit":
      return process.exit(7);
    case "hang":
      for (;;);
    case "work":
      while (!existsSync(`${gate}${job.attempt}`)) await pause(20, undefined, { signal: job.signal });
      return { attempt: job.attempt, pid: process.pid };
  }
});
