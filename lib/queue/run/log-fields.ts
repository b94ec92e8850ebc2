import type { LeasedJob } from "../../db/protocol/leased-job.ts";
import type { Logger } from "../deps.ts";

export type LogFields = Readonly<Record<string, unknown>>;

/** The same logger, each of whose entries has the fields that `fieldsOf` gives, too. */
export const withFields = (logger: Logger, fieldsOf: () => LogFields): Logger => ({
  info: (message, more) => logger.info(message, { ...fieldsOf(), ...more }),
  warn: (message, more) => logger.warn(message, { ...fieldsOf(), ...more }),
  error: (message, more) => logger.error(message, { ...fieldsOf(), ...more }),
});

/** The trace of a W3C traceparent. https://www.w3.org/TR/trace-context/#traceparent-header */
const traceOf = (traceparent: string | null): LogFields => {
  const traceId = traceparent?.split("-")[1];
  return traceId === undefined ? {} : { trace_id: traceId };
};

/** What every entry about a job has. Never its payload, its result or an error's message, which may quote them. */
export const jobFields = (job: LeasedJob, leaseId: string): LogFields => ({
  job: job.id,
  type: job.type,
  queue: job.queue,
  attempt: job.attempt,
  lease: leaseId,
  ...traceOf(job.traceparent),
});
