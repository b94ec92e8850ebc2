/** `forgeq/functions/scheduler`: the tick: schedules, recovery and clean-up. */
import { runtime } from "../runtime.ts";
import { createScheduler } from "./create-scheduler.ts";
import { asFunction, type LambdaFunction } from "./lambda-function.ts";

export type { LambdaFunction } from "./lambda-function.ts";

/** The scheduler, configured by the environment. */
export const schedulerFunction = (): LambdaFunction => asFunction(createScheduler(() => runtime().deps()));
