import { failedInvocationFunction } from "../lib/functions/failed-invocation.ts";

export const handler = failedInvocationFunction();
