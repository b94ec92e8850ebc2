import * as z from "zod";
import { toPointer } from "../core/document.ts";
import { ForgeqError } from "../core/errors.ts";
import type { FieldError } from "../core/errors.ts";
import type { Guarded } from "./router.ts";
import { fieldErrorsOf } from "./validate.ts";

const NOTHING = z.strictObject({});

const invalidQuery = (errors: readonly FieldError[]): never => {
  throw new ForgeqError("invalid_query", "The query is not valid", { errors });
};

/** Each parameter once, but for those that may be repeated, which are lists. */
const valuesOf = (search: URLSearchParams, repeatable: readonly string[]): Record<string, string | string[]> => {
  const names = new Set(search.keys());
  const twice = [...names].filter((name) => !repeatable.includes(name) && search.getAll(name).length > 1);
  if (twice.length > 0) invalidQuery(twice.map((name) => ({ pointer: toPointer([name]), message: "is given twice" })));
  return Object.fromEntries(
    [...names].map((name) => [name, repeatable.includes(name) ? search.getAll(name) : (search.get(name) ?? "")]),
  );
};

/**
 * A route's query by its schema.
 *
 * @throws ForgeqError `invalid_query`; its pointers are into the query as an object: `/limit`
 */
export const checkQuery = ({ query = NOTHING, repeatable = [] }: Guarded, search: URLSearchParams): unknown => {
  const { data, error } = query.safeParse(valuesOf(search, repeatable));
  return error === undefined ? data : invalidQuery(fieldErrorsOf(error));
};

/**
 * A route's body by its schema; where none is taken it is an empty object, or nothing.
 *
 * @throws ForgeqError the route's refusal, or `invalid_body`
 */
export const checkBody = ({ body }: Guarded, sent: unknown): unknown => {
  if (body?.checkedByHandler === true) return sent;
  const { schema, refusal } = body ?? {
    schema: NOTHING,
    refusal: { code: "invalid_body", message: "This takes no body" } as const,
  };
  const { data, error } = schema.safeParse(sent);
  if (error !== undefined) throw new ForgeqError(refusal.code, refusal.message, { errors: fieldErrorsOf(error) });
  return body === undefined ? undefined : data;
};
