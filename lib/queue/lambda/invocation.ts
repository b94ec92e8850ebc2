import { withinInvocation } from "../../db/drivers/invocation-limit.ts";
import type { Deps } from "../deps.ts";
import { withFields } from "../run/log-fields.ts";

/** What is used of Lambda's context. */
interface LimitedContext {
  readonly getRemainingTimeInMillis: () => number;
  /** Of `forgeq server`, whose process serves others at the same time and does not freeze. */
  readonly hasLeft?: () => boolean;
}

/**
 * A function whose statements end before its time does, and that has nothing left to send when it has answered.
 *
 * @param answerMs - of the function's own time, kept for its answer
 */
export const limited =
  <Event, Context, Result>(handler: (event: Event, context: Context) => Promise<Result>, answerMs = 50) =>
  (event: Event, context: Context): Promise<Result> => {
    const limit = context as LimitedContext;
    const work = () => handler(event, context);
    if (limit.hasLeft !== undefined) return work();
    return withinInvocation(() => limit.getRemainingTimeInMillis() - answerMs, work);
  };

/**
 * One invocation of a function: its log entries carry the request's id, and its metrics and spans are written before it ends,
 * also when it fails.
 */
export const invocation = async <Result>(
  deps: Deps,
  requestId: string,
  work: (deps: Deps) => Promise<Result>,
): Promise<Result> => {
  try {
    return await work({ ...deps, logger: withFields(deps.logger, () => ({ request_id: requestId })) });
  } finally {
    deps.metrics.flush();
    await deps.tracing?.flush();
  }
};
