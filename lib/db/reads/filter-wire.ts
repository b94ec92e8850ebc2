import { FINGERPRINT, type JobFilter } from "../../core/job-filter.ts";
import { leastId } from "../../core/uuid.ts";

type Conditions = { readonly [Field in keyof Required<JobFilter>]: (value: Required<JobFilter>[Field]) => object };

/** What each field of a filter is for migrations/functions/filter_condition.sql. A field that is missing here does not compile. */
const CONDITIONS: Conditions = {
  states: (states) => ({ states }),
  types: (types) => ({ types }),
  queues: (queues) => ({ queues }),
  ids: (ids) => ({ ids }),
  uniqueKey: (key) => ({ unique_key: key }),
  error: (error) => (FINGERPRINT.test(error) ? { fingerprint: error } : { error }),
  createdAfter: (at) => ({ low: leastId(at) }),
  createdBefore: (at) => ({ high: leastId(at) }),
  payload: (payload) => (payload.length > 0 ? { payload } : {}),
  metadata: (metadata) => (metadata.length > 0 ? { metadata } : {}),
};

const FIELDS = Object.keys(CONDITIONS) as (keyof JobFilter)[];

const conditionOf = <Field extends keyof JobFilter>(filter: JobFilter, field: Field): object => {
  const value = filter[field] as Required<JobFilter>[Field] | undefined;
  return value === undefined ? {} : CONDITIONS[field](value);
};

/** A filter as SQL reads it. */
export const toWireFilter = (filter: JobFilter): string =>
  JSON.stringify(Object.assign({}, ...FIELDS.map((field) => conditionOf(filter, field))));
