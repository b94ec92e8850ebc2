import { isLevel, isWritten, jsonLine, levelOf, LOG_LEVELS, type LogLevel } from "../core/log-entries.ts";
import type { Logger } from "../queue/deps.ts";
import { logLevel } from "../runtime.ts";
import { UsageError } from "./failure.ts";
import type { GlobalOptions } from "./command.ts";
import { paintMessage, say } from "./terminal.ts";

const STYLES = { debug: "dim", info: "cyan", warn: "yellow", error: "red" } as const;

const shown = (value: unknown): string =>
  typeof value === "string" && !/[\s"]/.test(value) ? value : JSON.stringify(value);

/** The least level of what is written, as FORGEQ_LOG_LEVEL says. @throws UsageError where that is no level */
const lowestLevel = (): LogLevel => {
  const given = logLevel();
  if (!isLevel(given)) throw new UsageError(`FORGEQ_LOG_LEVEL takes ${LOG_LEVELS.join(", ")}, not "${given}"`);
  return levelOf(given);
};

/** A process' own log on stderr: lines for people, or JSON lines with --json. @throws UsageError where FORGEQ_LOG_LEVEL is no level */
export const commandLogger = ({ json }: Pick<GlobalOptions, "json">): Logger => {
  const lowest = lowestLevel();
  const log =
    (level: LogLevel) =>
    (message: string, fields: Record<string, unknown> = {}): void => {
      if (!isWritten(level, lowest)) return;
      const timestamp = new Date().toISOString();
      if (json === true) return say(jsonLine(level, message, timestamp, fields));
      const rest = Object.entries(fields).map(([name, value]) => paintMessage("dim", ` ${name}=${shown(value)}`));
      say(
        `${paintMessage("dim", timestamp.slice(11, 23))} ${paintMessage(STYLES[level], level.padEnd(5))} ${message}${rest.join("")}`,
      );
    };
  return { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") };
};
