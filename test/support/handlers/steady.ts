import { lambdaHandler } from "../../../lib/job.ts";
import { steady } from "./jobs.ts";

export const handler = lambdaHandler(steady, (_, job) => Promise.resolve({ attempt: job.attempt }));
