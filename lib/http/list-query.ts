import type * as z from "zod";
import { toPointer } from "../core/document.ts";
import { ForgeqError } from "../core/errors.ts";
import type { FieldError } from "../core/errors.ts";
import { listQuery } from "./schemas.ts";
import { fieldErrorsOf } from "./validate.ts";

export type ListQuery = z.output<typeof listQuery>;

const invalid = (errors: readonly FieldError[]): never => {
  throw new ForgeqError("invalid_query", "The query is not valid", { errors });
};

/**
 * Reads the query of `GET /jobs`.
 *
 * @throws ForgeqError `invalid_query`; its pointers are into the query as an object: `/limit`
 */
export const parseListQuery = (query: URLSearchParams): ListQuery => {
  const values: [string, string][] = [...query];
  const names = values.map(([name]) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) invalid([{ pointer: toPointer([twice]), message: "is given twice" }]);
  const { data, error } = listQuery.safeParse(Object.fromEntries(values));
  return data ?? invalid(fieldErrorsOf(error));
};
