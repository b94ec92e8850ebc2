import { FINGERPRINT, type JobFilter } from "../../core/job-filter.ts";
import { leastId } from "../../core/uuid.ts";

/** A filter as migrations/functions/filter_condition.sql reads it: JSON leaves out what is absent. */
export const toWireFilter = (filter: JobFilter): string => {
  const { states, types, queues, ids, uniqueKey, error, createdAfter, createdBefore, payload, metadata } = filter;
  return JSON.stringify({
    states,
    types,
    queues,
    ids,
    unique_key: uniqueKey,
    ...(error !== undefined && (FINGERPRINT.test(error) ? { fingerprint: error } : { error })),
    low: createdAfter && leastId(createdAfter),
    high: createdBefore && leastId(createdBefore),
    ...(payload !== undefined && payload.length > 0 && { payload }),
    ...(metadata !== undefined && metadata.length > 0 && { metadata }),
  });
};
