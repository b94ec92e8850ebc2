import type { Scope } from "./authenticate.ts";

/** What a route gets. Header names are lower-case; `body` is the parsed JSON where the route takes one. */
export interface HttpRequest {
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly requestId: string;
  /** The id of the API key, null on open routes. */
  readonly keyId: string | null;
  /** The request was answered without waiting for its route, or its client has hung up. */
  readonly hasLeft: () => boolean;
}

/** `body` becomes JSON, but a string stays what it is: its `content-type` is among the headers then. */
export interface HttpResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** One method and path; `{name}` in the path is a parameter, which is one segment. */
export interface Route {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: `/${string}`;
  /** Null: open to everybody. */
  readonly scope: Scope | null;
  /** Given when the route takes a JSON body. */
  readonly maxBodyBytes?: number;
  /** With `maxBodyBytes`: a request without a body is taken, too, and has `undefined` for it. */
  readonly bodyOptional?: boolean;
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
 * Finds the route of a request. Parameters are not decoded: ids and names consist of characters that need no escape.
 *
 * @returns `allow` with the path's methods when only the method is wrong
 */
export const matchRoute = (routes: readonly Route[], method: string, path: string): Match => {
  const allow: string[] = [];
  for (const route of routes) {
    const params = paramsOf(route.path, path);
    if (params === null) continue;
    if (route.method === method) return { route, params };
    allow.push(route.method);
  }
  return allow.length > 0 ? { allow } : "not_found";
};
