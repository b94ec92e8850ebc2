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

/** The prefix of a parameter such as `payload.customer.id`, with its dot. */
const prefixOf = (parameter: string, prefixes: readonly string[]): string | undefined =>
  prefixes.map((prefix) => `${prefix}.`).find((prefix) => parameter.startsWith(prefix));

/** Each parameter once, but for those that may be repeated, which are lists; those of a prefix are an object. */
const valuesOf = (
  search: URLSearchParams,
  { repeatable = [], prefixes = [] }: Pick<Guarded, "repeatable" | "prefixes">,
): object => {
  const names = new Set(search.keys());
  const twice = [...names].filter((name) => !repeatable.includes(name) && search.getAll(name).length > 1);
  if (twice.length > 0) invalidQuery(twice.map((name) => ({ pointer: toPointer([name]), message: "is given twice" })));
  const plain = [...names].filter((name) => prefixOf(name, prefixes) === undefined);
  const groups = Map.groupBy(
    [...names].filter((name) => !plain.includes(name)),
    (name) => prefixOf(name, prefixes) ?? "",
  );
  return Object.fromEntries([
    ...plain.map((name) => [name, repeatable.includes(name) ? search.getAll(name) : (search.get(name) ?? "")]),
    ...[...groups].map(([prefix, of]) => [
      prefix.slice(0, -1),
      Object.fromEntries(of.map((name) => [name.slice(prefix.length), search.get(name) ?? ""])),
    ]),
  ]) as object;
};

/**
 * A route's query by its schema.
 *
 * @throws ForgeqError `invalid_query`; its pointers are into the query as an object: `/limit`
 */
export const checkQuery = (row: Guarded, search: URLSearchParams): unknown => {
  const { query = NOTHING, prefixes = [] } = row;
  if (query === NOTHING && search.size === 0) return {};
  const { data, error } = query.safeParse(valuesOf(search, row));
  if (error === undefined) return data;
  const named = new RegExp(`^/(${prefixes.join("|")})/`);
  return invalidQuery(
    fieldErrorsOf(error).map(({ pointer, message }) => ({
      pointer: prefixes.length === 0 ? pointer : pointer.replace(named, "/$1."),
      message,
    })),
  );
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
