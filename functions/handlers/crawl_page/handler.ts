import { lambdaHandler } from "../../../lib/job.ts";
import { settings } from "../../../lib/runtime.ts";
import { parseAllowList } from "./address.ts";
import { systemResolve } from "./connect.ts";
import { crawl, LIMITS } from "./crawl.ts";
import { crawlPage } from "./job.ts";

export const handler = lambdaHandler(crawlPage, async (payload, job) => {
  const network = { resolve: systemResolve, isAllowed: parseAllowList(settings().crawlAllow) };
  return crawl({ network, limits: LIMITS }, payload, job);
});
