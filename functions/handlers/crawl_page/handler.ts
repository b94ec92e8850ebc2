import { lambdaHandler } from "../../../lib/job.ts";
import { parseAllowList } from "./address.ts";
import { systemResolve } from "./connect.ts";
import { crawl, LIMITS } from "./crawl.ts";
import { crawlPage } from "./job.ts";
import { crawlAllow } from "./settings.ts";

export const handler = lambdaHandler(crawlPage, async (payload, job) => {
  const network = { resolve: systemResolve, isAllowed: parseAllowList(crawlAllow()) };
  return crawl({ network, limits: LIMITS }, payload, job);
});
