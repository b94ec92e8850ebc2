import type { LeasedJob } from "../../db/protocol/leased-job.ts";
import { loggable } from "../../core/loggable.ts";
import { thrownText } from "../../core/reason.ts";
import type { Logger } from "../deps.ts";

export type LogFields = Readonly<Record<string, unknown>>;

/** The same logger, each of whose entries has the fields that `fieldsOf` gives, too. */
export const withFields = (logger: Logger, fieldsOf: () => LogFields): Logger => ({
  debug: (message, more) => logger.debug(message, { ...fieldsOf(), ...more }),
  info: (message, more) => logger.info(message, { ...fieldsOf(), ...more }),
  warn: (message, more) => logger.warn(message, { ...fieldsOf(), ...more }),
  error: (message, more) => logger.error(message, { ...fieldsOf(), ...more }),
});

const write = (logger: Logger, level: keyof Logger, fieldsOf: () => LogFields, message: unknown, more: unknown): void =>
  logger[level](typeof message === "string" ? message : thrownText(message), { ...loggable(more), ...fieldsOf() });

/** A logger for a handler's own entries: each has the fields that `fieldsOf` gives, which nothing replaces, too. Never throws, whatever it is given. */
export const handlersLogger = (logger: Logger, fieldsOf: () => LogFields): Logger => ({
  debug: (message, more) => write(logger, "debug", fieldsOf, message, more),
  info: (message, more) => write(logger, "info", fieldsOf, message, more),
  warn: (message, more) => write(logger, "warn", fieldsOf, message, more),
  error: (message, more) => write(logger, "error", fieldsOf, message, more),
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
