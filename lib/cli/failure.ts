import { ForgeqError } from "../core/errors.ts";
import { messageOf } from "../core/reason.ts";

/** The command line itself is wrong: exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** One line that says what went wrong; for a failure of Postgres or the network also what that said. No URL and no password. */
export const failureOf = (error: unknown): string => {
  if (!(error instanceof Error)) return messageOf(error);
  const cause = error instanceof ForgeqError && error.cause instanceof Error ? messageOf(error.cause) : "";
  return cause === "" || cause === error.message ? error.message : `${error.message} (${cause})`;
};

/** A refusal with what is wrong with each field, for a person. */
export const describeFieldErrors = (error: unknown): unknown => {
  if (!(error instanceof ForgeqError) || error.details.errors === undefined) return error;
  // Its message has named the field.
  if (error.code === "unknown_type") return error;
  const places = error.details.errors.map(({ pointer, message }) => `${pointer || "/"}: ${message}`);
  return new ForgeqError(error.code, `${error.message}: ${places.join("; ")}`, error.details, { cause: error.cause });
};
