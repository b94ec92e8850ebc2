import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { camelCase } from "../core/camel-case.ts";
import { parseJson } from "../core/document.ts";
import { messageOf } from "../core/reason.ts";
import { enqueueBody } from "../http/job-body.ts";
import { UsageError } from "./failure.ts";

/** The options of `forgeq enqueue`, as commander gives them: these, and each field of a job by its own name. */
export interface EnqueueCommandOptions {
  readonly type?: string;
  readonly delay?: number;
  readonly file?: string;
  readonly skipInvalid?: boolean;
  readonly wait?: boolean;
  readonly [field: string]: unknown;
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

const valueOf = async (field: string, given: unknown): Promise<unknown> => {
  if ((field === "payload" || field === "metadata") && typeof given === "string") return readValue(given, `--${field}`);
  return given instanceof Date ? given.toISOString() : given;
};

/** The job as the HTTP API takes it, so that both check it alike. */
export const toEnvelope = async (options: EnqueueCommandOptions): Promise<Record<string, unknown>> => {
  if (options.type === undefined) throw new UsageError("give --type, or --file for many jobs");
  const given: EnqueueCommandOptions = { payload: "{}", ...options, delaySeconds: options.delay };
  const envelope: Record<string, unknown> = {};
  for (const field of Object.keys(enqueueBody.in.shape)) {
    const value = await valueOf(field, given[camelCase(field)]);
    if (value !== undefined) envelope[field] = value;
  }
  return envelope;
};
