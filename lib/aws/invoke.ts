import { AwsClient } from "aws4fetch";
import type { InvokeOutcome, Invoker } from "../queue/deps.ts";
import type { AwsAccess } from "./s3-put.ts";
import { reasonOf } from "../core/reason.ts";

const TIMEOUT_MS = 2_000;
const MESSAGE_CHARACTERS = 300;

const outcomeOf = (status: number): InvokeOutcome => {
  if (status === 202) return "accepted";
  if (status === 429) return "throttled";
  return status >= 500 ? "failed" : "refused";
};

/** Nothing was sent: the connection itself was refused, or the name has no address. */
const neverSent = (error: unknown): boolean => {
  const code = error instanceof Error ? (error.cause as { code?: unknown } | undefined)?.code : undefined;
  return code === "ECONNREFUSED" || code === "ENOTFOUND" || code === "EAI_AGAIN";
};

/**
 * Lambda's asynchronous invoke, as one signed request. https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
 * Credentials are read at each call, because Lambda's rotate. The trace header is not passed on, so that a long chain of jobs is not
 * taken for a recursion; ForgeQ caps the depth itself.
 *
 * @param input.endpoint - of the local invoker; AWS' own when left out
 */
export const createInvoker = (input: {
  readonly region: string;
  readonly credentials: () => AwsAccess["credentials"];
  readonly endpoint?: string;
}): Invoker => {
  const base = input.endpoint ?? `https://lambda.${input.region}.amazonaws.com`;
  return {
    invoke: async (functionName, event) => {
      const { accessKeyId, secretAccessKey, sessionToken } = input.credentials();
      const aws = new AwsClient({
        accessKeyId: accessKeyId || "local",
        secretAccessKey: secretAccessKey || "local",
        ...(sessionToken === undefined ? {} : { sessionToken }),
        service: "lambda",
        region: input.region,
        retries: 0,
      });
      try {
        const response = await aws.fetch(
          `${base}/2015-03-31/functions/${encodeURIComponent(functionName)}/invocations`,
          {
            method: "POST",
            headers: { "content-type": "application/json", "x-amz-invocation-type": "Event" },
            body: JSON.stringify(event),
            signal: AbortSignal.timeout(TIMEOUT_MS),
          },
        );
        const outcome = outcomeOf(response.status);
        const text = await response.text();
        return outcome === "accepted"
          ? { outcome }
          : { outcome, message: `HTTP ${response.status}: ${text.slice(0, MESSAGE_CHARACTERS)}` };
      } catch (error) {
        return {
          outcome: neverSent(error) ? "failed" : "ambiguous",
          message: reasonOf(error),
        };
      }
    },
  };
};
