import { MAX_DELAY_SECONDS } from "../../core/backoff.ts";
import { ForgeqError, PermanentError, RetryAfter } from "../../core/errors.ts";
import { checkDocument } from "../../core/document.ts";
import { shownText } from "./shown-text.ts";
import { MAX_DOCUMENT_BYTES } from "../../core/job.ts";
import type { AttemptError, Ended } from "../../db/protocol/settle.ts";

/** Why a job's signal aborted. */
export type AbortCause = "timed_out" | "cancelled" | "lease_lost" | "deadline" | "shutdown";

/** The reason of a job's aborted signal. */
export class JobAborted extends Error {
  override readonly name = "JobAborted";
  readonly abortCause: AbortCause;

  constructor(abortCause: AbortCause, message: string) {
    super(message);
    this.abortCause = abortCause;
  }
}

/** Thrown by `job.snooze`: put the job off, no attempt counted. */
export class Snoozed extends Error {
  override readonly name = "Snoozed";
  readonly seconds: number;

  constructor(seconds: number) {
    super(`snoozed for ${seconds} s`);
    this.seconds = seconds;
  }
}

const MESSAGE_CHARACTERS = 2_000;
const STACK_CHARACTERS = 6_000;

const clean = (text: string, characters: number, paths: readonly string[] = []): string =>
  shownText(text.slice(0, characters), process.cwd(), paths).slice(0, characters).replaceAll("\0", "").toWellFormed();

/** The files that a system error is about. */
const pathsOf = (thrown: Error): string[] =>
  ["path", "dest"]
    .map((field) => (thrown as unknown as Record<string, unknown>)[field])
    .filter((path) => typeof path === "string" && path.startsWith("/")) as string[];

/**
 * Whatever a handler threw, as Postgres can hold it and clients may see it: no NUL, no lone surrogate, no private address or path of the server, at most
 * 8,000 characters. Never throws.
 */
export const toAttemptError = (thrown: unknown): AttemptError => {
  try {
    return describe(thrown);
  } catch {
    return { name: "Error", message: "the handler threw something that can't be shown" };
  }
};

const describe = (thrown: unknown): AttemptError => {
  if (!(thrown instanceof Error)) return { name: "Error", message: clean(String(thrown), MESSAGE_CHARACTERS) };
  const paths = pathsOf(thrown);
  const stack = typeof thrown.stack === "string" ? { stack: clean(thrown.stack, STACK_CHARACTERS, paths) } : {};
  return {
    name: clean(String(thrown.name), 100),
    message: clean(String(thrown.message), MESSAGE_CHARACTERS, paths),
    ...stack,
  };
};

/**
 * A handler's result as it is stored, or why it can't be: then the job completes with `result: null`. The reason is for
 * the log, and tells nothing of what the result says, not even its keys.
 */
export const toResult = (returned: unknown): { readonly result: unknown; readonly refused?: string } => {
  try {
    const text = JSON.stringify(returned) as string | undefined;
    if (text === undefined) return { result: null };
    if (Buffer.byteLength(text) > MAX_DOCUMENT_BYTES)
      return { result: null, refused: `it is over ${MAX_DOCUMENT_BYTES} bytes` };
    const result: unknown = JSON.parse(text);
    const [wrong] = checkDocument(result);
    return wrong === undefined ? { result } : { result: null, refused: `a value in it ${wrong.message}` };
  } catch {
    return { result: null, refused: "it can't be written as JSON" };
  }
};

/** A handler's delay; one that is no number counts as not given. */
const delayOf = (seconds: unknown): { readonly delaySeconds?: number } =>
  typeof seconds === "number" && !Number.isNaN(seconds)
    ? { delaySeconds: Math.min(Math.max(seconds, 0), MAX_DELAY_SECONDS) }
    : {};

/** How an attempt that threw ends. */
export const endOfThrown = (id: string, thrown: unknown, aborted: AbortCause | null): Ended => {
  if (thrown instanceof Snoozed) return { id, outcome: "snoozed", ...delayOf(thrown.seconds) };
  // Interrupted by us, not by the job: not counted.
  if (aborted === "shutdown") return { id, outcome: "released" };
  const error = toAttemptError(thrown);
  if (thrown instanceof PermanentError || (thrown instanceof ForgeqError && thrown.code === "chain_too_deep")) {
    return { id, outcome: "dead", error };
  }
  if (aborted === "timed_out" || aborted === "deadline") return { id, outcome: "timed_out", error };
  if (thrown instanceof RetryAfter) return { id, outcome: "retry", ...delayOf(thrown.seconds), error };
  return { id, outcome: "retry", error };
};
