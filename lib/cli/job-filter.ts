import type { JobFilter } from "../core/job-filter.ts";
import { type EachFilter, jobFilterBody } from "../http/job-filter.ts";
import { checkOptions } from "./check-options.ts";
import { UsageError } from "./failure.ts";

/** The options that say which jobs a list or a bulk action means, as commander gives them. */
export interface FilterOptions {
  readonly state?: readonly string[];
  readonly type?: readonly string[];
  readonly queue?: readonly string[];
  readonly id?: readonly string[];
  readonly uniqueKey?: string;
  readonly error?: string;
  readonly createdAfter?: Date;
  readonly createdBefore?: Date;
  readonly payload?: readonly string[];
  readonly metadata?: readonly string[];
}

/** Of `customer.id=42` the path and the value; a value may hold `=`. */
const conditions = (option: "payload" | "metadata", given: readonly string[]): Record<string, string> => {
  const pairs = given.map((text): [string, string] => {
    const at = text.indexOf("=");
    if (at < 1) throw new UsageError(`--${option}: give PATH=VALUE, as customer.id=42`);
    return [text.slice(0, at), text.slice(at + 1)];
  });
  const twice = pairs.find(([path], index) => pairs.findIndex(([other]) => other === path) < index);
  if (twice !== undefined) throw new UsageError(`--${option}: ${twice[0]} is given twice`);
  return Object.fromEntries(pairs);
};

/**
 * The filter that options of a command mean, checked as the HTTP API checks its own.
 *
 * @throws {UsageError} what is wrong with the first wrong option
 */
export const toJobFilter = ({ state, type, queue, id, payload, metadata, ...one }: FilterOptions): JobFilter =>
  checkOptions(jobFilterBody, {
    ...{ state, type, queue, id },
    unique_key: one.uniqueKey,
    error: one.error,
    created_after: one.createdAfter?.toISOString(),
    created_before: one.createdBefore?.toISOString(),
    payload: payload && conditions("payload", payload),
    metadata: metadata && conditions("metadata", metadata),
  } satisfies EachFilter<unknown>);
