/**
 * The message of what was thrown, for a person; the text of what is no Error. A connection that was refused on both address
 * families is an AggregateError without a message: its first error has one.
 */
export const messageOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  const [first] = error instanceof AggregateError ? (error.errors as unknown[]) : [];
  return error.message === "" && first !== undefined ? messageOf(first) : error.message;
};

/** Why something failed, for a log: the message, and that of its cause, where a driver or `fetch` says what happened. */
export const reasonOf = (error: unknown): string => {
  const cause = error instanceof Error && error.cause instanceof Error ? messageOf(error.cause) : "";
  return cause === "" ? messageOf(error) : `${messageOf(error)}: ${cause}`;
};
