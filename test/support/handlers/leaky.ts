import { setTimeout as pause } from "node:timers/promises";
import { lambdaHandler, PermanentError } from "../../../lib/job.ts";
import { leaky } from "./jobs.ts";

export const handler = lambdaHandler(leaky, async ({ act, secret }, job) => {
  job.log.info("a handler's own words");
  job.progress(0.5, `${secret}-note`);
  switch (act) {
    case "return":
      return { secret: `${secret}-result` };
    case "return_too_much":
      return { secret: secret.repeat(50_000) };
    case "return_what_is_no_json":
      return { secret, n: 1n };
    case "throw":
      throw new TypeError(`${secret}-message`, { cause: new Error(`${secret}-cause`) });
    case "bury":
      throw new PermanentError(`${secret}-message`);
    case "time_out":
      return pause(60_000, null, { signal: job.signal });
    case "exit":
      return process.exit(7);
  }
});
