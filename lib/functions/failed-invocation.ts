/** `forgeq/functions/failed-invocation`: the on-failure destination of the handlers. */
import { runtime } from "../runtime.ts";
import { createFailedInvocation } from "./create-failed-invocation.ts";
import { asFunction, type LambdaFunction } from "./lambda-function.ts";

export type { LambdaFunction } from "./lambda-function.ts";

/** The failed-invocation function, configured by the environment. */
export const failedInvocationFunction = (): LambdaFunction =>
  asFunction(createFailedInvocation(() => runtime().deps()));
