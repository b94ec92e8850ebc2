import { lambdaHandler } from "../../../lib/job.ts";
import { unloadable } from "./jobs.ts";

if (process.env["NO_SUCH_SETTING"] === undefined) throw new Error("NO_SUCH_SETTING is not set");

export const handler = lambdaHandler(unloadable, () => Promise.resolve(null));
