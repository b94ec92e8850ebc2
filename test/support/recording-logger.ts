import type { Logger } from "../../lib/queue/deps.ts";

/** Keeps every entry as the line that production would write. */
export const recordingLogger = (): Logger & { readonly lines: string[] } => {
  const lines: string[] = [];
  const record =
    (level: string) =>
    (message: string, fields: Record<string, unknown> = {}): void =>
      void lines.push(JSON.stringify({ level, message, ...fields }));
  return { lines, debug: record("debug"), info: record("info"), warn: record("warn"), error: record("error") };
};
