import type { InvokeOutcome, Invoker } from "../queue/deps.ts";
import { reasonOf } from "../core/reason.ts";
import { type AwsAccess, sendSigned } from "./request.ts";

const TIMEOUT_MS = 2_000;
const MESSAGE_CHARACTERS = 300;

const outcomeOf = (status: number): InvokeOutcome => {
  if (status === 202) return "accepted";
  if (status === 429) return "throttled";
  return status >= 500 ? "failed" : "refused";
};

/** Nothing was sent: the connection itself was refused, or the name has no address. */
const neverSent = (error: unknown): boolean => {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return code === "ECONNREFUSED" || code === "ENOTFOUND" || code === "EAI_AGAIN";
};

/**
 * Lambda's asynchronous invoke, as one signed request. https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
 * The trace header is not passed on, so that a long chain of jobs is not taken for a recursion; ForgeQ caps the depth itself.
 *
 * @param access.endpoint - of the local invoker; AWS' own when left out
 */
export const createInvoker = (access: AwsAccess): Invoker => ({
  invoke: async (functionName, event) => {
    try {
      const { status, text } = await sendSigned(access, {
        service: "lambda",
        method: "POST",
        path: `/2015-03-31/functions/${encodeURIComponent(functionName)}/invocations`,
        headers: { "content-type": "application/json", "x-amz-invocation-type": "Event" },
        body: JSON.stringify(event),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const outcome = outcomeOf(status);
      return outcome === "accepted"
        ? { outcome }
        : { outcome, message: `HTTP ${status}: ${text.slice(0, MESSAGE_CHARACTERS)}` };
    } catch (error) {
      return { outcome: neverSent(error) ? "failed" : "ambiguous", message: reasonOf(error) };
    }
  },
});
