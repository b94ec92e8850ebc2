export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Whether this is a level, in upper or lower case. */
export const isLevel = (text: string): boolean => (LOG_LEVELS as readonly string[]).includes(text.toLowerCase());

/** A level as FORGEQ_LOG_LEVEL names it; `info` for anything else. */
export const levelOf = (text: string): LogLevel => (isLevel(text) ? (text.toLowerCase() as LogLevel) : "info");

/** Whether an entry of a level is written where the log begins at `lowest`. */
export const isWritten = (level: LogLevel, lowest: LogLevel): boolean =>
  LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(lowest);

/** An entry as one line of JSON. Its own fields come first, and nothing replaces them. */
export const jsonLine = (
  level: LogLevel,
  message: string,
  timestamp: string,
  fields: Record<string, unknown>,
): string => {
  const own = { level: level.toUpperCase(), message, timestamp };
  return JSON.stringify(Object.assign({ ...own }, fields, own));
};
