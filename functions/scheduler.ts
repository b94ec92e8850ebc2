import { schedulerFunction } from "../lib/functions/scheduler.ts";

export const handler = schedulerFunction();
