import type * as z from "zod";
import { checkDocument, MOST_BYTES_A_ROUGH_ONE, plainCopy, roughBytes } from "../../core/document.ts";
import { type FieldError, ForgeqError } from "../../core/errors.ts";
import { type JobDefinition, MAX_DOCUMENT_BYTES } from "../../core/job.ts";
import { checkJobOptions, type JobOptions, type NewJob } from "../../core/new-job.ts";
import { messageOf } from "../../core/reason.ts";

const escapePointer = (segment: PropertyKey): string => String(segment).replaceAll("~", "~0").replaceAll("/", "~1");

const fieldErrors = (error: z.ZodError): FieldError[] =>
  error.issues.map((issue) => ({
    pointer: issue.path.map((segment) => `/${escapePointer(segment)}`).join(""),
    message: issue.message,
  }));

const refuse = (definition: JobDefinition, errors: readonly FieldError[]): never => {
  const shown = errors.map((error) => `${error.pointer || "/"}: ${error.message}`).join("; ");
  throw new ForgeqError("invalid_payload", `the payload does not fit ${definition.type}: ${shown}`, { errors });
};

/** A payload as JSON. @throws {ForgeqError} `invalid_payload` where JSON, or Postgres, can't hold it */
const toJson = (definition: JobDefinition, payload: unknown): string => {
  if (Number.isNaN(roughBytes(payload))) {
    const errors = checkDocument(payload);
    if (errors.length > 0) refuse(definition, errors);
  }
  try {
    return JSON.stringify(payload);
  } catch (error) {
    return refuse(definition, [{ pointer: "", message: `can't be written as JSON: ${messageOf(error)}` }]);
  }
};

const parse = (definition: JobDefinition, given: unknown): unknown => {
  const parsed = definition.payload.safeParse(given);
  return parsed.success ? parsed.data : refuse(definition, fieldErrors(parsed.error));
};

/**
 * Checks a payload against its type's schema, as the handler will get it, and that Postgres can hold it.
 *
 * @returns what was given, as JSON has it: what is stored. The schema's defaults and transforms are applied when the handler runs.
 * @throws {ForgeqError} `invalid_payload` with pointers into the payload; `payload_too_large`
 */
export const checkPayload = (definition: JobDefinition, payload: unknown): unknown => {
  // A copy, because it is written later: the caller may change what it gave.
  const plain = plainCopy(payload);
  if (plain !== undefined && plain !== null && roughBytes(plain) * MOST_BYTES_A_ROUGH_ONE <= MAX_DOCUMENT_BYTES) {
    parse(definition, plain);
    return plain;
  }
  // A schema with a default of its own takes nothing for a payload.
  const json = payload === undefined ? undefined : toJson(definition, payload);
  const given: unknown = json === undefined ? undefined : JSON.parse(json);
  const parsed = parse(definition, given);
  const stored = json ?? toJson(definition, parsed);
  if (stored === "null") return refuse(definition, [{ pointer: "", message: "must not be null" }]);
  if (Buffer.byteLength(stored) > MAX_DOCUMENT_BYTES)
    throw new ForgeqError("payload_too_large", `a payload may have ${MAX_DOCUMENT_BYTES} bytes as JSON`);
  return json === undefined ? parsed : given;
};

/** A typed job, its payload checked, as the queue stores it. */
export const toNewJob = (definition: JobDefinition, payload: unknown, options: JobOptions): NewJob => {
  checkJobOptions(options);
  return { ...options, type: definition.type, payload: checkPayload(definition, payload) };
};
