import type * as z from "zod";
import { UsageError } from "./failure.ts";

/** `--created-after`, or with a path in it `--payload customer..id`. */
const optionOf = ([name, ...rest]: readonly PropertyKey[]): string =>
  name === undefined ? "" : [`--${String(name).replaceAll("_", "-")}`, ...rest.map(String)].join(" ");

/**
 * Options by the schema of the request that takes the same, whose fields have the options' names. What is undefined was not given.
 *
 * @throws {UsageError} what is wrong with the first wrong option
 */
export const checkOptions = <Schema extends z.ZodType>(
  schema: Schema,
  fields: Readonly<Record<string, unknown>>,
): z.output<Schema> => {
  const given = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
  const { data, error } = schema.safeParse(given);
  const [issue] = error?.issues ?? [];
  if (issue === undefined) return data as z.output<Schema>;
  const option = optionOf(issue.path.filter((part) => typeof part !== "number"));
  // Of one or many: what is wrong with the many.
  const { message } = (issue.code === "invalid_union" ? issue.errors.at(-1)?.[0] : undefined) ?? issue;
  throw new UsageError(`${option === "" ? "the options" : option}: ${message}`);
};
