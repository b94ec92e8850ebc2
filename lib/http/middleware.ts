import { randomUUID } from "node:crypto";
import type { MiddlewareObj } from "@middy/core";
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from "aws-lambda";
import { ForgeqError } from "../core/errors.ts";
import { authenticate, requireScopes } from "./authenticate.ts";
import type { Scope } from "./api-keys.ts";
import type { KeyRing } from "./key-ring.ts";
import { isBlank, type RawBody, rawBody, readJsonBody } from "./body.ts";
import type { HttpLog } from "./problem.ts";
import type { RefusalLog } from "./refusal-log.ts";
import { matchRoute } from "./router.ts";
import type { Guarded, HttpRequest, HttpResponse, Route } from "./router.ts";
import { belowBasePath, type WebSettings } from "../core/web-settings.ts";
import { checkBody, checkQuery } from "./check-request.ts";
import { MAX_SMALL_BODY_BYTES } from "./fields.ts";

/** The invocation's context while a request goes through the stack; each middleware adds its part of `http`. */
export interface HttpContext extends Context {
  /** Given where a client can be seen to hang up. */
  readonly hasLeft?: () => boolean;
  /**
   * Given where the body is still to be read: nobody's is before its route and its key are known.
   *
   * @throws ForgeqError `payload_too_large`, `busy`, `request_timeout`
   */
  readonly readBody?: (maxBytes: number) => Promise<RawBody>;
  /** Of the request: see `headersOf`. */
  headers: Readonly<Record<string, string>>;
  http: HttpRequest & {
    readonly route: Route;
    /** The query as it was sent. */
    readonly search: URLSearchParams;
    readonly headersToAdd?: Readonly<Record<string, string>>;
  };
}

type Middleware = MiddlewareObj<APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Error, HttpContext>;

const SECURITY_HEADERS = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "strict-transport-security": "max-age=31536000; includeSubDomains",
  "x-content-type-options": "nosniff",
};

const bodyOf = (body: unknown): Pick<APIGatewayProxyStructuredResultV2, "body" | "isBase64Encoded"> => {
  if (body === undefined) return {};
  if (body instanceof Uint8Array) return { body: Buffer.from(body).toString("base64"), isBase64Encoded: true };
  return { body: typeof body === "string" ? body : JSON.stringify(body) };
};

/** A response as API Gateway takes it: JSON, a text or bytes, with the request id and the security headers. */
export const toResult = (
  { status, headers, body }: HttpResponse,
  requestId: string,
): APIGatewayProxyStructuredResultV2 => ({
  statusCode: status,
  headers: {
    ...(body !== undefined && { "content-type": "application/json" }),
    ...SECURITY_HEADERS,
    "x-request-id": requestId,
    ...headers,
  },
  ...bodyOf(body),
});

const requestIdOf = (event: APIGatewayProxyEventV2, context: Context): string =>
  context.awsRequestId || event.requestContext?.requestId || randomUUID();

/** With lower-case names, and the cookies, which API Gateway hands on beside the other headers. */
export const headersOf = ({ headers = {}, cookies }: APIGatewayProxyEventV2): Record<string, string> => {
  const found: Record<string, string> = {};
  for (const [name, value = ""] of Object.entries(headers)) found[name.toLowerCase()] = value;
  if (cookies !== undefined) found["cookie"] = cookies.join("; ");
  return found;
};

const DEFAULT_STAGE = "$default";

/** API Gateway puts the stage before the path unless it is the default one. Nothing else is taken off: a proxy's rules are about whole paths. */
const pathOf = ({ rawPath = "/", requestContext }: APIGatewayProxyEventV2): string => {
  const { stage = DEFAULT_STAGE } = requestContext ?? {};
  if (stage === DEFAULT_STAGE) return rawPath;
  const prefix = `/${stage}/`;
  return rawPath.startsWith(prefix) ? rawPath.slice(prefix.length - 1) : rawPath;
};

/** Whatever is thrown becomes a problem document. */
export const problems = (log: () => HttpLog, refused: () => Promise<RefusalLog>): Middleware => ({
  onError: async ({ error, event, context }) => {
    // Loaded by the first error.
    const { logFailure, problemOf } = await import("./problem.ts");
    const requestId = requestIdOf(event, context);
    const address = event.requestContext?.http?.sourceIp;
    // A request that matched no route has no `http`, whatever the type says.
    const { route, key } = (context.http as HttpContext["http"] | undefined) ?? {};
    (await refused())(error, { requestId, address, route, keyId: key?.id });
    logFailure(error, requestId, log());
    return toResult(problemOf(error, requestId), requestId);
  },
});

/** The method, as it is written: serverless-offline has it in small letters at times. */
export const methodOf = ({ requestContext }: APIGatewayProxyEventV2): string =>
  (requestContext?.http?.method ?? "GET").toUpperCase();

/** What the function's requests are matched with. */
export interface Routing {
  readonly routes: readonly Route[];
  /** Rows of the other functions: `Allow` names their methods, too. */
  readonly elsewhere?: readonly Guarded[] | undefined;
  readonly web: () => WebSettings;
}

/** Finds the route: `not_found` when there is none, with `allow` when only the method is wrong. */
export const routing = ({ routes, elsewhere, web }: Routing): Middleware => ({
  before: ({ event, context }) => {
    const method = methodOf(event);
    const { basePath } = web();
    const path = belowBasePath(basePath, pathOf(event));
    const match = path === null ? "not_found" : matchRoute(routes, method, path, elsewhere);
    if (match === "not_found") throw new ForgeqError("not_found", "There is nothing at this path");
    if ("allow" in match && method === "OPTIONS")
      return toResult({ status: 204, headers: { allow: match.allow.join(", ") }, body: undefined }, requestIdOf(event, context)); // prettier-ignore
    if ("allow" in match) throw new ForgeqError("not_found", `This path takes ${match.allow.join(", ")}`, match);
    context.http = {
      ...match,
      headers: context.headers,
      search: new URLSearchParams(event.rawQueryString ?? ""),
      query: undefined,
      body: undefined,
      requestId: requestIdOf(event, context),
      key: null,
      basePath,
      hasLeft: context.hasLeft ?? (() => false),
    };
    return undefined;
  },
});

/** What a request asks the key for. */
const scopesOf = ({ route, search }: HttpContext["http"]): readonly Scope[] =>
  route.deepScope !== undefined && search.get("deep") === "1" ? [route.deepScope] : route.scopes;

/** Lets a caller through that has a key with the route's scopes; open routes need none. */
export const authentication = (ring: KeyRing): Middleware => ({
  before: async ({ context }) => {
    const scopes = scopesOf(context.http);
    if (scopes.length === 0 && context.http.route.anyKey !== true) return;
    const key = await authenticate(ring, context.http.headers);
    context.http = { ...context.http, key };
    const headersToAdd = ring.take(key);
    if (headersToAdd !== undefined) context.http = { ...context.http, headersToAdd };
    requireScopes(key, scopes);
  },
});

/** Checks the query, then reads and checks the body: what a route does not know is refused. */
export const checking = (): Middleware => ({
  before: async ({ event, context }) => {
    const { route, headers, search } = context.http;
    const query = checkQuery(route, search);
    const { maxBytes, optional = false } = route.body ?? { maxBytes: MAX_SMALL_BODY_BYTES, optional: true };
    const raw = (await context.readBody?.(maxBytes)) ?? rawBody(event);
    const left = optional && isBlank(raw);
    const sent = left ? {} : readJsonBody(raw, headers, maxBytes);
    context.http = { ...context.http, query, body: checkBody(route, sent) };
  },
});
