import { isWritten, jsonLine, levelOf, type LogLevel } from "./core/log-entries.ts";
import type { Logger } from "./queue/deps.ts";

/** One JSON line per entry on stdout, as Lambda's own logs have it; entries below `level` are dropped. */
export const jsonLogger = (level: string, write: (line: string) => void = (line) => console.log(line)): Logger => {
  const lowest = levelOf(level);
  const log =
    (name: LogLevel) =>
    (message: string, fields: Record<string, unknown> = {}) => {
      if (isWritten(name, lowest)) write(jsonLine(name, message, new Date().toISOString(), fields));
    };
  return { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") };
};
