import type { Deps } from "../deps.ts";
import { withFields } from "../run/log-fields.ts";

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
