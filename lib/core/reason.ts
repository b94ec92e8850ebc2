/** How deep causes and collected errors are followed. */
const LEVELS = 5;
/** Of the errors that an AggregateError has collected. */
const FIRST_ERRORS = 3;
const CHARACTERS = 2_000;
const UNSHOWN = "what can't be shown";

/** An error, also of another realm, as `node:vm` makes them. */
export const isError = (value: unknown): value is Error =>
  value instanceof Error || Object.prototype.toString.call(value) === "[object Error]";

/**
 * The message of what was thrown, for a person; the text of what is no Error. A connection that was refused on both address
 * families is an AggregateError without a message: its first error has one.
 */
export const messageOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  const [first] = error instanceof AggregateError ? (error.errors as unknown[]) : [];
  return error.message === "" && first !== undefined ? messageOf(first) : error.message;
};

/** What an error is because of: its cause, or the first of the errors that it has collected. */
export const causesOf = (error: Error): readonly unknown[] => {
  const { errors } = error as { errors?: unknown };
  if (Array.isArray(errors) && errors.length > 0) return errors.slice(0, FIRST_ERRORS) as unknown[];
  return error.cause === undefined || error.cause === null ? [] : [error.cause];
};

const textOfScalar = (value: unknown): string => (typeof value === "object" && value !== null ? "" : String(value));

/** What is no error. Of an object its JSON, unless it has a text of its own. */
const textOf = (value: unknown): string => {
  if (typeof value !== "object" || value === null) return String(value);
  const { toString } = value as { readonly toString?: () => string };
  const hasText = toString !== undefined && toString !== Object.prototype.toString && !Array.isArray(value);
  return hasText ? toString.call(value) : JSON.stringify(value);
};

const withCode = (message: string, { name, code }: Error & { readonly code?: unknown }): string => {
  // A ForgeqError's message says what its code does.
  if (name === "ForgeqError" || typeof code !== "string" || !/^[\w.-]{1,64}$/.test(code) || message.includes(code))
    return message;
  return message === "" ? code : `${message} (${code})`;
};

const chainOf = (thrown: unknown, levels: number, ofOther: (value: unknown) => string): string => {
  try {
    if (!isError(thrown)) return ofOther(thrown).slice(0, CHARACTERS);
    const own = withCode(String(thrown.message).slice(0, CHARACTERS), thrown);
    const causes = levels === 0 ? [] : causesOf(thrown).map((cause) => chainOf(cause, levels - 1, ofOther));
    const why = causes.filter((text) => text !== "" && !own.includes(text)).join("; ");
    return why === "" ? own : own === "" ? why : `${own}: ${why}`;
  } catch {
    return UNSHOWN;
  }
};

/**
 * What a handler has thrown, in a line: the message, its code where the message does not have it, and the same of what it is because of, five levels
 * deep. `fetch failed: connect ECONNREFUSED 127.0.0.1:25`. Of an object that is no error its JSON. At most 2,000 characters. Never throws.
 */
export const thrownText = (thrown: unknown): string => chainOf(thrown, LEVELS, textOf).slice(0, CHARACTERS);

/** Why something of ForgeQ's own failed, for a log: the same, but of errors only, because an object may hold a secret. Never throws. */
export const reasonOf = (error: unknown): string => chainOf(error, LEVELS, textOfScalar).slice(0, CHARACTERS);
