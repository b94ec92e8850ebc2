import { type CamelCase, camelCase } from "../core/camel-case.ts";
import type { JobFilter } from "../core/job-filter.ts";
import { type EachFilter, FILTER_NAMES, jobFilterBody, LIST_PREFIXES } from "../http/job-filter.ts";
import { checkOptions } from "./check-options.ts";
import { UsageError } from "./failure.ts";

/** The options that say which jobs a list or a bulk action means, as commander gives them: see commands/job-filters.ts. */
export type FilterOptions = { readonly [Name in keyof EachFilter<unknown> as CamelCase<Name>]?: unknown };

/** Of `customer.id=42` the path and the value; a value may hold `=`. */
const conditions = (option: string, given: readonly string[]): Record<string, string> => {
  const pairs = given.map((text): [string, string] => {
    const at = text.indexOf("=");
    if (at < 1) throw new UsageError(`--${option}: give PATH=VALUE, as customer.id=42`);
    return [text.slice(0, at), text.slice(at + 1)];
  });
  const twice = pairs.find(([path], index) => pairs.findIndex(([other]) => other === path) < index);
  if (twice !== undefined) throw new UsageError(`--${option}: ${twice[0]} is given twice`);
  return Object.fromEntries(pairs);
};

const inBody = (name: string, given: unknown): unknown => {
  if (given instanceof Date) return given.toISOString();
  const isPath = (LIST_PREFIXES as readonly string[]).includes(name);
  return isPath && Array.isArray(given) ? conditions(name, given as readonly string[]) : given;
};

/**
 * The filter that options of a command mean, checked as the HTTP API checks its own.
 *
 * @throws {UsageError} what is wrong with the first wrong option
 */
export const toJobFilter = (options: FilterOptions): JobFilter =>
  checkOptions(
    jobFilterBody,
    Object.fromEntries(Object.values(FILTER_NAMES).map((name) => [name, inBody(name, options[camelCase(name)])])),
  );
