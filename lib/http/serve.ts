import type { ApiKey } from "./api-keys.ts";
import { lazy } from "./lazy.ts";
import type { BodyOf, Operation, Operations, QueryOf } from "./operation.ts";
import type { HttpRequest, HttpResponse, Route } from "./router.ts";

/** A request of one row of the route table: its query and its body have passed the row's schemas. */
export type RequestOf<Row> = HttpRequest<QueryOf<Row>, BodyOf<Row>> & {
  readonly key: Row extends { readonly scopes: readonly []; readonly anyKey?: never } ? ApiKey | null : ApiKey;
};

/** What serves each row of a part of the table, with the dependencies of the function. */
export type Handlers<Rows extends Operations, Deps> = {
  readonly [Id in keyof Rows]: (deps: Deps, request: RequestOf<Rows[Id]>) => Promise<HttpResponse>;
};

/** The same, of rows that mostly do without dependencies. */
export type Servers<Rows extends Operations> = {
  readonly [Id in keyof Rows]: (request: RequestOf<Rows[Id]>) => Promise<HttpResponse>;
};

/** Handlers that get their dependencies when a request comes. */
export const withDeps = <Rows extends Operations, Deps>(
  deps: () => Promise<Deps>,
  handlers: Handlers<Rows, Deps>,
): Servers<Rows> =>
  Object.fromEntries(
    Object.entries<Handlers<Rows, Deps>[keyof Rows]>(handlers).map(([id, handler]) => [
      id,
      async (request: RequestOf<Rows[keyof Rows]>) => handler(await deps(), request),
    ]),
  ) as unknown as Servers<Rows>;

/** What serves these rows, loaded when the first request for one of them comes. */
export const lazyServers = <Rows extends Operations>(rows: Rows, load: () => Promise<Servers<Rows>>): Servers<Rows> => {
  const loaded = lazy(load);
  return Object.fromEntries(
    Object.keys(rows).map((id) => [
      id,
      async (request: RequestOf<Rows[keyof Rows]>) => (await loaded.get())[id as keyof Rows](request),
    ]),
  ) as unknown as Servers<Rows>;
};

/** The routes of rows and of what serves each of them. */
export const routesOf = <Rows extends Operations>(rows: Rows, servers: Servers<Rows>): Route[] =>
  Object.entries<Operation>(rows).map(([id, row]) => ({ ...row, run: servers[id] as unknown as Route["run"] }));
