import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { parseJson } from "../core/document.ts";
import { messageOf } from "../core/reason.ts";
import { UsageError } from "./failure.ts";

/** The options of `forgeq enqueue`, as commander gives them. */
export interface EnqueueCommandOptions {
  readonly type?: string;
  readonly payload?: string;
  readonly queue?: string;
  readonly priority?: number;
  readonly runAt?: Date;
  readonly startBefore?: Date;
  readonly delay?: number;
  readonly maxAttempts?: number;
  readonly uniqueKey?: string;
  readonly onConflict?: string;
  readonly id?: string;
  readonly metadata?: string;
  readonly file?: string;
  readonly skipInvalid?: boolean;
  readonly wait?: boolean;
}

/** A JSON value given as it is, as @FILE, or as - for standard input. */
export const readValue = async (given: string, option: string): Promise<unknown> => {
  const source = given === "-" ? text(process.stdin) : given.startsWith("@") ? readFile(given.slice(1), "utf8") : given;
  const content = await Promise.resolve(source).catch((cause: NodeJS.ErrnoException) => {
    throw new UsageError(`${option}: ${given.slice(1)} can't be read (${cause.code ?? cause.message})`);
  });
  try {
    return parseJson(content);
  } catch (error) {
    throw new UsageError(`${option} is not JSON: ${messageOf(error)}`);
  }
};

/** The job as the HTTP API takes it, so that both check it alike. */
export const toEnvelope = async (options: EnqueueCommandOptions): Promise<Record<string, unknown>> => {
  if (options.type === undefined) throw new UsageError("give --type, or --file for many jobs");
  return {
    type: options.type,
    payload: await readValue(options.payload ?? "{}", "--payload"),
    ...(options.id !== undefined && { id: options.id }),
    ...(options.queue !== undefined && { queue: options.queue }),
    ...(options.priority !== undefined && { priority: options.priority }),
    ...(options.runAt !== undefined && { run_at: options.runAt.toISOString() }),
    ...(options.startBefore !== undefined && { start_before: options.startBefore.toISOString() }),
    ...(options.delay !== undefined && { delay_seconds: options.delay }),
    ...(options.maxAttempts !== undefined && { max_attempts: options.maxAttempts }),
    ...(options.uniqueKey !== undefined && { unique_key: options.uniqueKey }),
    ...(options.onConflict !== undefined && { on_conflict: options.onConflict }),
    ...(options.metadata !== undefined && { metadata: await readValue(options.metadata, "--metadata") }),
  };
};
