import type * as z from "zod";
import { checkDocument, MOST_BYTES_A_ROUGH_ONE, roughBytes } from "../../core/document.ts";
import { type FieldError, ForgeqError } from "../../core/errors.ts";
import { type JobDefinition, MAX_DOCUMENT_BYTES } from "../../core/job.ts";
import type { JobOptions, NewJob } from "../../core/new-job.ts";

const escapePointer = (segment: PropertyKey): string => String(segment).replaceAll("~", "~0").replaceAll("/", "~1");

const fieldErrors = (error: z.ZodError): FieldError[] =>
  error.issues.map((issue) => ({
    pointer: issue.path.map((segment) => `/${escapePointer(segment)}`).join(""),
    message: issue.message,
  }));

/**
 * Checks a payload against its type's schema, and that Postgres can hold it.
 *
 * @returns the schema's output, defaults applied: what is stored
 * @throws {ForgeqError} `invalid_payload` with pointers into the payload; `payload_too_large`
 */
export const checkPayload = (definition: JobDefinition, payload: unknown): unknown => {
  const parsed = definition.payload.safeParse(payload);
  if (parsed.success && roughBytes(parsed.data) * MOST_BYTES_A_ROUGH_ONE <= MAX_DOCUMENT_BYTES) return parsed.data;
  const errors = parsed.success ? checkDocument(parsed.data) : fieldErrors(parsed.error);
  if (!parsed.success || errors.length > 0) {
    const shown = errors.map((error) => `${error.pointer || "/"}: ${error.message}`).join("; ");
    throw new ForgeqError("invalid_payload", `the payload does not fit ${definition.type}: ${shown}`, { errors });
  }
  if (Buffer.byteLength(JSON.stringify(parsed.data) ?? "null") > MAX_DOCUMENT_BYTES) {
    throw new ForgeqError("payload_too_large", `a payload may have ${MAX_DOCUMENT_BYTES} bytes as JSON`);
  }
  return parsed.data;
};

/** A typed job, its payload checked, as the queue stores it. */
export const toNewJob = (definition: JobDefinition, payload: unknown, options: JobOptions): NewJob => {
  if (options.runAt !== undefined && options.delaySeconds !== undefined) {
    throw new ForgeqError("invalid_job", "give runAt or delaySeconds, not both");
  }
  return { ...options, type: definition.type, payload: checkPayload(definition, payload) };
};
