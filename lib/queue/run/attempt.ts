import { MAX_DELAY_SECONDS } from "../../core/backoff.ts";
import { ForgeqError, PermanentError, RetryAfter } from "../../core/errors.ts";
import { checkDocument } from "../../core/document.ts";
import { causesOf, isError, thrownText } from "../../core/reason.ts";
import { shownText } from "./shown-text.ts";
import { MAX_DOCUMENT_BYTES } from "../../core/job.ts";
import type { AttemptError, Ended } from "../../db/protocol/settle.ts";

/** Why a job's signal aborted. */
export type AbortCause = "timed_out" | "cancelled" | "lease_lost" | "deadline" | "shutdown" | "worker_crashed";

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

/** Thrown by `job.cancel`: the job ends cancelled. */
export class CancelledByHandler extends Error {
  override readonly name = "Cancelled";
}

const MESSAGE_CHARACTERS = 2_000;
const STACK_CHARACTERS = 6_000;
/** Causes whose stacks are kept, too. */
const CAUSES = 5;
/** Of a job that did not end before its worker did, whichever job has thrown. */
const CRASHED: AttemptError = {
  name: "WorkerCrashed",
  message: "the worker ended because of an error that nothing caught, and that can be traced to no job",
};
const UNSHOWN: AttemptError = { name: "Error", message: "the handler threw something that can't be shown" };

const clean = (text: string, characters: number, paths: readonly string[] = []): string =>
  shownText(text.slice(0, characters), process.cwd(), paths).slice(0, characters).replaceAll("\0", "").toWellFormed();

/** The files that a system error is about. */
const pathsOf = (thrown: Error): string[] =>
  ["path", "dest"]
    .map((field) => (thrown as unknown as Record<string, unknown>)[field])
    .filter((path) => typeof path === "string" && path.startsWith("/")) as string[];

/** An error, and what it is because of, the nearest first. */
const chainOf = (thrown: Error, levels = CAUSES): Error[] => [
  thrown,
  ...(levels === 0 ? [] : causesOf(thrown).slice(0, 1)).filter(isError).flatMap((cause) => chainOf(cause, levels - 1)),
];

/**
 * Whatever a handler threw, as Postgres can hold it and clients may see it: with what it is because of; no NUL, no lone surrogate, no private address
 * or path of the server; at most 8,000 characters. Never throws.
 */
export const toAttemptError = (thrown: unknown): AttemptError => {
  try {
    return describe(thrown);
  } catch {
    return UNSHOWN;
  }
};

const describe = (thrown: unknown): AttemptError => {
  const message = thrownText(thrown);
  if (!isError(thrown)) return { name: "Error", message: clean(message, MESSAGE_CHARACTERS) };
  const chain = chainOf(thrown);
  const paths = chain.flatMap(pathsOf);
  const stacks = chain.map(({ stack }) => stack).filter((stack) => typeof stack === "string");
  const stack = stacks.map((each) => each.slice(0, STACK_CHARACTERS)).join("\nCaused by: ");
  return {
    name: clean(String(thrown.name), 100),
    message: clean(message, MESSAGE_CHARACTERS, paths),
    ...(stacks.length > 0 && { stack: clean(stack, STACK_CHARACTERS, paths) }),
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

/** How an attempt that threw ends. Never throws, whatever was thrown. */
export const endOfThrown = (id: string, thrown: unknown, aborted: AbortCause | null): Ended => {
  const error = toAttemptError(thrown);
  const how = howOf(thrown);
  if (how.outcome === "snoozed") return { id, ...how };
  // Interrupted by us, not by the job: not counted.
  if (aborted === "shutdown") return { id, outcome: "released" };
  if (aborted === "worker_crashed") return { id, outcome: "worker_crashed", error: CRASHED };
  if (how.outcome === "dead" || how.outcome === "cancelled") return { id, ...how, error };
  if (aborted === "timed_out" || aborted === "deadline") return { id, outcome: "timed_out", error };
  return { id, ...how, error };
};

/** What the handler asked for by what it threw. A proxy that was revoked throws when it is looked at: that is any other error. */
const howOf = (thrown: unknown): Pick<Ended, "outcome" | "delaySeconds"> => {
  try {
    if (thrown instanceof Snoozed) return { outcome: "snoozed", ...delayOf(thrown.seconds) };
    if (thrown instanceof CancelledByHandler) return { outcome: "cancelled" };
    if (thrown instanceof PermanentError) return { outcome: "dead" };
    if (thrown instanceof ForgeqError && thrown.code === "chain_too_deep") return { outcome: "dead" };
    if (thrown instanceof RetryAfter) return { outcome: "retry", ...delayOf(thrown.seconds) };
  } catch {
    // Falls through.
  }
  return { outcome: "retry" };
};
