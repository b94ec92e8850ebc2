import { ForgeqError } from "./errors.ts";
import type { JobOptions } from "./new-job.ts";

const WITHOUT_END = "must be finite and at most ten years ahead";

/** The years that JavaScript and Postgres write alike, whatever the time zone: offsets had seconds in earlier ones. */
const EARLIEST_MS = 0;
const LATEST_MS = Date.parse("9999-12-31T23:59:59.999Z");

const refuse = (field: "run_at" | "delay_seconds", index: number): never => {
  throw new ForgeqError("invalid_job", `${field} ${WITHOUT_END}`, {
    index,
    errors: [{ pointer: `/${field}`, message: WITHOUT_END }],
  });
};

/**
 * When a job of a call shall run, as it can be sent: JSON has no word for what is not finite, and would make null of it, which is now.
 * The database's clock decides how far ahead that is: see migrations/functions/check_instants.sql.
 *
 * @param index - of the job in the call, from 0
 * @returns `runAt`; the beginning of 1970 for an earlier one, which is due as well
 * @throws {ForgeqError} `invalid_job` - `runAt` or `delaySeconds` is not finite, or `runAt` is after the year 9999
 */
export const checkedRunAt = (
  { runAt, delaySeconds }: Pick<JobOptions, "runAt" | "delaySeconds">,
  index: number,
): Date | undefined => {
  if (!Number.isFinite(Number(delaySeconds ?? 0))) refuse("delay_seconds", index);
  if (runAt === undefined) return undefined;
  const ms = new Date(runAt).getTime();
  if (!(ms <= LATEST_MS)) refuse("run_at", index);
  return ms < EARLIEST_MS ? new Date(EARLIEST_MS) : runAt;
};
