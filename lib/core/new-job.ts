import { MAX_DELAY_SECONDS } from "./backoff.ts";
import { uniqueKeyFault } from "./controls.ts";
import { checkDocument } from "./document.ts";
import { type FieldError, ForgeqError } from "./errors.ts";
import { NAME_PATTERN, ON_CONFLICT } from "./job.ts";

/** How a job differs from its type's defaults. What is undefined comes from the type. */
export interface JobOptions {
  /** UUID of version 7, made between 30 days ago and an hour ahead, as `idOf` makes one; a repeated one names the same job. */
  readonly id?: string | undefined;
  /** One that the type, or an operator, lists for the type. */
  readonly queue?: string | undefined;
  /** 0 to 9, lower first. */
  readonly priority?: number | undefined;
  /** At most ten years ahead; a past instant is due. Not together with `delaySeconds`. */
  readonly runAt?: Date | undefined;
  /** From the enqueue, by the database's clock. */
  readonly delaySeconds?: number | undefined;
  /** No attempt is taken from then on, neither the first nor a later one: the job ends cancelled instead, soon after. After `runAt`. */
  readonly startBefore?: Date | undefined;
  /** 1 to 1,000. */
  readonly maxAttempts?: number | undefined;
  /** At most one live job per type and key. */
  readonly uniqueKey?: string | undefined;
  /** Where a live job holds the unique key, whatever its payload: `existing` (unless given) gives that job, `reject` is `unique_key_conflict`. */
  readonly onConflict?: "existing" | "reject" | undefined;
  readonly metadata?: Record<string, unknown> | undefined;
}

const MAX_METADATA_BYTES = 16 * 1024;
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** What is wrong with a value of an option; null: nothing. */
type Check = (value: unknown) => string | readonly FieldError[] | null;

const whole =
  (min: number, max: number): Check =>
  (value) =>
    Number.isInteger(value) && (value as number) >= min && (value as number) <= max
      ? null
      : `must be a whole number from ${min} to ${max}`;

const isOneOf = (values: readonly string[], value: unknown): boolean => values.some((each) => each === value);

const instant: Check = (value) =>
  value instanceof Date && !Number.isNaN(value.getTime()) ? null : "must be a Date that names an instant";

/** What is wrong with metadata; null: nothing. */
export const metadataFault: Check = (value) => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "must be an object";
  const errors = checkDocument(value, "/metadata");
  if (errors.length > 0) return errors;
  return Buffer.byteLength(JSON.stringify(value)) > MAX_METADATA_BYTES ? "must have 16 KiB at most" : null;
};

/** Of each option. One without a check does not compile. */
const CHECKS: Record<keyof JobOptions, Check> = {
  id: (value) => (typeof value === "string" && UUID.test(value) ? null : "must be a UUID"),
  queue: (value) =>
    typeof value === "string" && NAME_PATTERN.test(value) ? null : `must match ${NAME_PATTERN.source}`,
  priority: whole(0, 9),
  runAt: instant,
  startBefore: instant,
  delaySeconds: (value) =>
    typeof value === "number" && value >= 0 && value <= MAX_DELAY_SECONDS ? null : `must be 0 to ${MAX_DELAY_SECONDS}`,
  maxAttempts: whole(1, 1000),
  uniqueKey: (value) =>
    typeof value === "string" && value.length >= 1 && value.length <= 200
      ? uniqueKeyFault(value)
      : "must be a text of 1 to 200 characters",
  onConflict: (value) => (isOneOf(ON_CONFLICT, value) ? null : `must be ${ON_CONFLICT.join(" or ")}`),
  metadata: metadataFault,
};

const faultsOf = (name: string, value: unknown): readonly FieldError[] => {
  if (!Object.hasOwn(CHECKS, name)) return [{ pointer: `/${name}`, message: "is not an option" }];
  const fault = CHECKS[name as keyof JobOptions](value);
  if (fault === null) return [];
  return typeof fault === "string" ? [{ pointer: `/${name}`, message: fault }] : fault;
};

/**
 * Checks the options of a job that TypeScript code enqueues, as the HTTP API checks its fields.
 *
 * @throws {ForgeqError} `invalid_job` that names each wrong option; nothing was stored
 */
export const checkJobOptions = (options: JobOptions): void => {
  const errors: FieldError[] = [];
  for (const [name, value] of Object.entries(options)) if (value !== undefined) errors.push(...faultsOf(name, value));
  if (options.runAt !== undefined && options.delaySeconds !== undefined)
    errors.push({ pointer: "/delaySeconds", message: "can't be given together with runAt" });
  if (options.runAt !== undefined && options.startBefore !== undefined && options.startBefore <= options.runAt)
    errors.push({ pointer: "/startBefore", message: "must be after runAt" });
  if (options.onConflict !== undefined && options.uniqueKey === undefined)
    errors.push({ pointer: "/onConflict", message: "needs a uniqueKey" });
  if (errors.length === 0) return;
  const shown = errors.map(({ pointer, message }) => `${pointer.slice(1)} ${message}`).join("; ");
  throw new ForgeqError("invalid_job", shown, { errors });
};

/** A job to enqueue, its payload checked already. */
export interface NewJob extends JobOptions {
  readonly type: string;
  readonly payload: unknown;
  /** How many jobs enqueued jobs before this one; at most 64. */
  readonly depth?: number | undefined;
  /** W3C trace context of whoever enqueues it. */
  readonly traceparent?: string | undefined;
}

/** The wire's names, which TypeScript would otherwise let pass, and nothing would read, where a job comes from a variable. */
type WireNames = Readonly<
  Partial<Record<"run_at" | "start_before" | "delay_seconds" | "max_attempts" | "unique_key" | "on_conflict", never>>
>;

/** A new job with the id that it will have, the caller's or one made for this call. */
export type IdentifiedJob = NewJob & { readonly id: string } & WireNames;
