import type { Logger } from "../queue/deps.ts";
import type { GlobalOptions } from "./command.ts";
import { paintMessage, say } from "./terminal.ts";

const STYLES = { info: "cyan", warn: "yellow", error: "red" } as const;

const shown = (value: unknown): string =>
  typeof value === "string" && !/[\s"]/.test(value) ? value : JSON.stringify(value);

/** A process' own log on stderr: lines for people, or JSON lines with --json. */
export const commandLogger = ({ json }: Pick<GlobalOptions, "json">): Logger => {
  const log =
    (level: keyof typeof STYLES) =>
    (message: string, fields: Record<string, unknown> = {}): void => {
      const timestamp = new Date().toISOString();
      if (json === true) return say(JSON.stringify({ level: level.toUpperCase(), message, timestamp, ...fields }));
      const rest = Object.entries(fields).map(([name, value]) => paintMessage("dim", ` ${name}=${shown(value)}`));
      say(
        `${paintMessage("dim", timestamp.slice(11, 23))} ${paintMessage(STYLES[level], level.padEnd(5))} ${message}${rest.join("")}`,
      );
    };
  return { info: log("info"), warn: log("warn"), error: log("error") };
};
