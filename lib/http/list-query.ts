import type * as z from "zod";
import { toPointer } from "../core/document.ts";
import { ForgeqError } from "../core/errors.ts";
import type { FieldError } from "../core/errors.ts";
import { attemptsQuery, listQuery, metricsQuery, queuesQuery } from "./schemas.ts";
import { fieldErrorsOf } from "./validate.ts";

export type ListQuery = z.output<typeof listQuery>;

const invalid = (errors: readonly FieldError[]): never => {
  throw new ForgeqError("invalid_query", "The query is not valid", { errors });
};

const check = <Schema extends z.ZodType>(schema: Schema, values: unknown): z.output<Schema> => {
  const { data, error } = schema.safeParse(values);
  return data ?? invalid(fieldErrorsOf(error!));
};

const single = (query: URLSearchParams): Record<string, string> => {
  const names = [...query.keys()];
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) invalid([{ pointer: toPointer([twice]), message: "is given twice" }]);
  return Object.fromEntries(query);
};

/**
 * Reads the query of `GET /jobs`.
 *
 * @throws ForgeqError `invalid_query`; its pointers are into the query as an object: `/limit`
 */
export const parseListQuery = (query: URLSearchParams): ListQuery => check(listQuery, single(query));

/** Reads the query of `GET /jobs/{id}/attempts`. @throws ForgeqError `invalid_query` */
export const parseAttemptsQuery = (query: URLSearchParams): z.output<typeof attemptsQuery> =>
  check(attemptsQuery, single(query));

/** Reads the query of `GET /queues`. @throws ForgeqError `invalid_query` */
export const parseQueuesQuery = (query: URLSearchParams): z.output<typeof queuesQuery> =>
  check(queuesQuery, single(query));

/** Reads the query of `GET /metrics`, where `queue` may be given several times. @throws ForgeqError `invalid_query` */
export const parseMetricsQuery = (query: URLSearchParams): z.output<typeof metricsQuery> =>
  check(metricsQuery, Object.fromEntries([...new Set(query.keys())].map((key) => [key, query.getAll(key)])));
