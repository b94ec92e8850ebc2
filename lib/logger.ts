import type { Logger } from "./queue/deps.ts";

const LEVELS = ["debug", "info", "warn", "error"];

/** One JSON line per entry on stdout, as Lambda's own logs have it; entries below `level` are dropped. */
export const jsonLogger = (level: string, write: (line: string) => void = (line) => console.log(line)): Logger => {
  const lowest = Math.max(0, LEVELS.indexOf(level.toLowerCase()));
  const log =
    (name: string) =>
    (message: string, fields: Record<string, unknown> = {}) => {
      if (LEVELS.indexOf(name) >= lowest)
        write(JSON.stringify({ level: name.toUpperCase(), message, timestamp: new Date().toISOString(), ...fields }));
    };
  return { info: log("info"), warn: log("warn"), error: log("error") };
};
