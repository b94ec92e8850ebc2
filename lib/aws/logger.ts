import { Logger as Powertools } from "@aws-lambda-powertools/logger";
import type { Logger } from "../queue/deps.ts";

const LEVELS = { debug: "DEBUG", info: "INFO", warn: "WARN", error: "ERROR" } as const;

/** Powertools' structured log: one JSON line per entry, with the service and Lambda's trace id. */
export const lambdaLogger = (service: string, level: string): Logger => {
  const powertools = new Powertools({
    serviceName: service,
    logLevel: LEVELS[level.toLowerCase() as keyof typeof LEVELS] ?? "INFO",
  });
  return {
    info: (message, fields = {}) => powertools.info(message, fields),
    warn: (message, fields = {}) => powertools.warn(message, fields),
    error: (message, fields = {}) => powertools.error(message, fields),
  };
};
