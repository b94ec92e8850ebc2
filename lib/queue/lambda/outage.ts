import { type ErrorCode, ForgeqError } from "../../core/errors.ts";

/** With these an invocation fails through no fault of its own function, and the next one may not. */
const OUTAGES: ReadonlySet<ErrorCode> = new Set(["busy", "database_unavailable", "secrets_unavailable", "too_slow"]);

/** What Lambda's record of a failed invocation calls an outage: the runtime reports an error's name as its type. */
const OUTAGE_NAME = "ForgeqOutage";

/** An error with which an invocation ends. One that is an outage gets a name by which failed-invocation knows it. */
export const namedAsOutage = (error: unknown): unknown =>
  error instanceof ForgeqError && OUTAGES.has(error.code)
    ? Object.assign(new Error(error.message, { cause: error }), { name: OUTAGE_NAME })
    : error;

/** @param errorType - as Lambda's record has it */
export const isOutage = (errorType: string | undefined): boolean => errorType === OUTAGE_NAME;
