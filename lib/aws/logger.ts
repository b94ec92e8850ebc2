import { Logger as Powertools } from "@aws-lambda-powertools/logger";
import { levelOf } from "../core/log-entries.ts";
import type { Logger } from "../queue/deps.ts";

const LEVEL_NAMES = { debug: "DEBUG", info: "INFO", warn: "WARN", error: "ERROR" } as const;

/** Powertools' structured log: one JSON line per entry, with the service and Lambda's trace id. */
export const lambdaLogger = (service: string, level: string): Logger => {
  const powertools = new Powertools({
    serviceName: service,
    logLevel: LEVEL_NAMES[levelOf(level)],
  });
  return {
    debug: (message, fields = {}) => powertools.debug(message, fields),
    info: (message, fields = {}) => powertools.info(message, fields),
    warn: (message, fields = {}) => powertools.warn(message, fields),
    error: (message, fields = {}) => powertools.error(message, fields),
  };
};
