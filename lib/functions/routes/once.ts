import { keyOf } from "../../http/access.ts";
import type { HttpRequest, HttpResponse } from "../../http/router.ts";
import type { Deps } from "../../queue/deps.ts";

/**
 * Runs a route that takes `Idempotency-Key`. Where none is sent, it costs nothing.
 *
 * @param operation - the operation's id: a key names one request to one of them
 * @param work - does everything that changes something with the dependencies that it gets; run again where its transaction has to be
 */
export const once = async (
  deps: Deps,
  operation: string,
  request: HttpRequest,
  work: (deps: Deps) => Promise<HttpResponse>,
): Promise<HttpResponse> => {
  const key = request.headers["idempotency-key"];
  if (key === undefined) return work(deps);
  const { answerByKey } = await import("./answer-by-key.ts");
  return answerByKey(deps, operation, { caller: keyOf(request).id, key }, request, work);
};
