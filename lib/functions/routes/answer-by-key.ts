import { createHash } from "node:crypto";
import { ForgeqError } from "../../core/errors.ts";
import type { HttpRequest, HttpResponse } from "../../http/router.ts";
import type { Deps } from "../../queue/deps.ts";
import { doOnce } from "../../queue/manage/keyed-requests.ts";

const KEY = /^[\x20-\x7e]{1,200}$/;

/** Of what the request asks for: the same members in another order are another request. */
const fingerprintOf = (operation: string, { params, query, body }: HttpRequest): string => {
  try {
    return createHash("sha256")
      .update(JSON.stringify([operation, params, query, body]))
      .digest("base64url");
  } catch (cause) {
    // JSON.stringify calls itself.
    throw new ForgeqError("invalid_job", "The body is nested too deeply", {}, { cause });
  }
};

/** The answer of a request that was sent with an `Idempotency-Key`: the first one's, when there was one within a day. */
export const answerByKey = async (
  deps: Deps,
  operation: string,
  { caller, key }: { readonly caller: string; readonly key: string },
  request: HttpRequest,
  work: (deps: Deps) => Promise<HttpResponse>,
): Promise<HttpResponse> => {
  if (!KEY.test(key))
    throw new ForgeqError("invalid_query", "Idempotency-Key has 1 to 200 characters, all of them printable ASCII");
  const keyed = { caller, key, fingerprint: fingerprintOf(operation, request) };
  let response: HttpResponse | undefined;
  const { kept, replayed } = await doOnce(deps, keyed, async (inner) => {
    response = await work(inner);
    const { status, headers = {}, body } = response;
    return { status, headers, answer: JSON.stringify(body) };
  });
  if (response !== undefined && !replayed) return response;
  return {
    status: kept.status,
    headers: { "content-type": "application/json", ...kept.headers, "idempotency-replayed": "true" },
    body: kept.answer,
    audit: { count: 0, outcome: "replayed" },
  };
};
