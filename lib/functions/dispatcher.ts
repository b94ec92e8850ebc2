/** `forgeq/functions/dispatcher`: claims due jobs and invokes their handlers. */
import { runtime } from "../runtime.ts";
import { createDispatcher } from "./create-dispatcher.ts";
import { asFunction, type LambdaFunction } from "./lambda-function.ts";

export type { LambdaFunction } from "./lambda-function.ts";

/** The dispatcher, configured by the environment. */
export const dispatcherFunction = (): LambdaFunction => asFunction(createDispatcher(() => runtime().deps()));
