/** Which pages may read the API's answers, and what their browsers are told of it. */
import type { APIGatewayProxyStructuredResultV2 } from "aws-lambda";
import { type Asked, varyBy, withHeaders } from "./answer-headers.ts";

type Result = APIGatewayProxyStructuredResultV2;

const REQUEST_HEADERS = "authorization, content-type, idempotency-key, if-none-match, traceparent, x-api-key";
const RESPONSE_HEADERS =
  "allow, etag, idempotency-replayed, location, ratelimit, ratelimit-policy, retry-after, www-authenticate, x-request-id";
const PREFLIGHT_SECONDS = 600;

/** Pages of the configured origins may read the answer, without cookies. What a cache keeps depends on the origin then. */
export const withCors = ({ method, headers }: Asked, result: Result, origins: readonly string[]): Result => {
  const varied = withHeaders(result, { vary: varyBy(result, "origin") });
  const { origin } = headers;
  if (origin === undefined || !origins.includes(origin)) return varied;
  const allow = result.headers?.["allow"];
  if (method !== "OPTIONS" || allow === undefined)
    return withHeaders(varied, {
      "access-control-allow-origin": origin,
      "access-control-expose-headers": RESPONSE_HEADERS,
    });
  return withHeaders(varied, {
    "access-control-allow-origin": origin,
    "access-control-allow-methods": String(allow),
    "access-control-allow-headers": REQUEST_HEADERS,
    "access-control-max-age": String(PREFLIGHT_SECONDS),
  });
};
