import type * as z from "zod";
import type { ErrorCode } from "../core/errors.ts";
import type { ApiKey, Scope } from "./api-keys.ts";

/** What a route gets. Header names are lower-case; `query` and `body` are what the route's schemas made of them. */
export interface HttpRequest<Query = unknown, Body = unknown> {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Body;
  readonly requestId: string;
  /** The API key, null on open routes. */
  readonly key: ApiKey | null;
  /** What comes before the API's paths; empty for nothing. */
  readonly basePath: string;
  /** The request was answered without waiting for its route, or its client has hung up. */
  readonly hasLeft: () => boolean;
}

/**
 * `body` becomes JSON, but a string or bytes stay what they are: their `content-type` is among the headers then. `location` is a path
 * of the API, without the base path.
 */
export interface HttpResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
  /** What the audit line says besides what the request does. */
  readonly audit?: AuditFields;
}

/** Never a payload. */
export interface AuditFields {
  /** Of an open route: whose key it was. */
  readonly caller?: string;
  /** What was acted on, where the path does not say it. */
  readonly target?: string;
  /** How many. */
  readonly count?: number;
  readonly outcome?: string;
  /** Why, in the caller's words. */
  readonly note?: string;
}

/** A JSON body that a route takes. */
export interface RequestBody {
  readonly schema: z.ZodType;
  readonly maxBytes: number;
  /** A request without a body is taken, too: as an empty object. */
  readonly optional?: boolean;
  /** What it is refused with when it breaks the schema, and in which words. */
  readonly refusal: { readonly code: ErrorCode; readonly message: string };
  /** The route's handler gets it as it was sent, and checks it: then the schema is for the documents alone. */
  readonly checkedByHandler?: true;
}

/** What the stack enforces before a route runs. `{name}` in the path is a parameter, which is one segment. */
export interface Guarded {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: `/${string}`;
  /** The key needs all of them; none: open to everybody. */
  readonly scopes: readonly Scope[];
  /** With no scopes: needs a key, whichever. */
  readonly anyKey?: true;
  /** Of an open route: what `?deep=1` needs. */
  readonly deepScope?: Scope;
  /** What a management action is called in the log; each call that the key may make leaves one line there. */
  readonly audit?: `${"job" | "key" | "queue" | "schedule" | "session"}.${string}`;
  /** Of the query as an object of texts. Without it every parameter is refused. */
  readonly query?: z.ZodType;
  /** Parameters that may be given several times: the schema gets a list of texts. */
  readonly repeatable?: readonly string[];
  /** Parameters that stand before a path, as in `payload.customer.id=42`: the schema gets an object of texts by what comes after the first dot. */
  readonly prefixes?: readonly string[];
  readonly body?: RequestBody;
}

/** One method and path, and what it does. */
export interface Route extends Guarded {
  readonly run: (request: HttpRequest) => Promise<HttpResponse>;
}

export type Match =
  | { readonly route: Route; readonly params: Record<string, string> }
  | "not_found"
  | { readonly allow: readonly string[] };

const paramsOf = (pattern: string, path: string): Record<string, string> | null => {
  const names = pattern.split("/");
  const values = path.split("/");
  if (names.length !== values.length) return null;
  const params: Record<string, string> = {};
  for (const [index, name] of names.entries()) {
    const value = values[index] ?? "";
    if (name.startsWith("{") && value !== "") params[name.slice(1, -1)] = value;
    else if (name !== value) return null;
  }
  return params;
};

/**
 * Finds the route of a request. Parameters are not decoded: ids and names consist of characters that need no escape. A path with
 * fewer parameters comes first, and HEAD is answered by GET's route.
 *
 * @param elsewhere - rows of other functions, whose methods `allow` names, too
 * @returns `allow` with the path's methods when only the method is wrong
 */
export const matchRoute = (
  routes: readonly Route[],
  method: string,
  path: string,
  elsewhere: readonly Guarded[] = [],
): Match => {
  const wanted = method === "HEAD" ? "GET" : method;
  // Most requests: no path with a parameter comes before one without.
  const exact = path.includes("{") ? undefined : routes.find((each) => each.path === path && each.method === wanted);
  if (exact !== undefined) return { route: exact, params: {} };
  const all = [...routes, ...elsewhere].flatMap((route) => {
    const params = paramsOf(route.path, path);
    return params === null ? [] : [{ route, params }];
  });
  const fewest = Math.min(...all.map(({ params }) => Object.keys(params).length));
  const here = all.filter(({ params }) => Object.keys(params).length === fewest);
  const found = here.find((each) => each.route.method === wanted && "run" in each.route);
  if (found !== undefined) return found as { route: Route; params: Record<string, string> };
  if (here.length === 0) return "not_found";
  const methods = here.flatMap(({ route }) => (route.method === "GET" ? ["GET", "HEAD"] : [route.method]));
  return { allow: [...new Set([...methods, "OPTIONS"])] };
};
