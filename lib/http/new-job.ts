import type * as z from "zod";
import { checkDocument, isOver, MAX_FIELD_ERRORS } from "../core/document.ts";
import { ForgeqError } from "../core/errors.ts";
import type { FieldError } from "../core/errors.ts";
import { MAX_DOCUMENT_BYTES } from "../core/job.ts";
import type { JobDefinition } from "../core/job.ts";
import { type Bounds, maySend, requireUse } from "./access.ts";
import { batchBody, enqueueBody } from "./job-body.ts";
import { fieldErrorsOf } from "./validate.ts";

export type JobTypes = ReadonlyMap<string, JobDefinition>;

/** A job that passed every check that needs no database. */
export type CheckedJob = z.output<typeof enqueueBody>;

/** What a refusal says in words. */
export const REFUSALS = {
  invalid_job: "The job has fields that are not valid",
  invalid_payload: "The payload does not fit its job type",
} as const;

const invalid = (errors: readonly FieldError[], code: keyof typeof REFUSALS = "invalid_job"): ForgeqError =>
  new ForgeqError(code, REFUSALS[code], { errors });

const MAX_METADATA_BYTES = 16 * 1024;

/** Only for what `checkDocument` found nothing wrong with: deep nesting would overflow JSON.stringify's stack. */
const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

/** Of a whole job as it is sent: enough for a payload and metadata of full size, indented and escaped. A larger one of a batch is not looked into. */
export const MAX_JOB_BYTES = 1024 * 1024;

const checkEnvelope = (raw: unknown, at: string): CheckedJob => {
  if (isOver(raw, MAX_JOB_BYTES))
    throw new ForgeqError("payload_too_large", `A job has over ${MAX_JOB_BYTES} bytes`, {
      errors: [{ pointer: at, message: "is too large" }],
    });
  const { data, error } = enqueueBody.safeParse(raw);
  if (data === undefined) throw invalid(fieldErrorsOf(error, at));
  const { payload, metadata = {} } = data;
  const errors = [...checkDocument(payload, `${at}/payload`), ...checkDocument(metadata, `${at}/metadata`)];
  if (errors.length > 0) throw invalid(errors);
  if (bytesOf(metadata) > MAX_METADATA_BYTES)
    throw invalid([{ pointer: `${at}/metadata`, message: "must have 16 KiB at most" }]);
  return data;
};

/** The command line works without a key. */
const UNBOUND: Bounds = { types: null, queues: null };

/** Names none but the types that the key may send: the others are nobody's business. A type that it may not send is refused whether or not it is there. */
const definitionOf = (types: JobTypes, type: string, at: string, key: Bounds): JobDefinition => {
  if (key.types?.includes(type) === false)
    throw new ForgeqError("forbidden", `The API key may not use jobs of type ${type}`);
  const definition = types.get(type);
  if (definition !== undefined) return definition;
  const known = [...types.values()].filter((each) => maySend(key, each)).map((each) => each.type);
  const hint = known.length === 0 ? "" : `; did you mean one of ${known.join(", ")}?`;
  throw new ForgeqError("unknown_type", `There is no job type ${type}${hint}`, {
    types: known,
    errors: [{ pointer: `${at}/type`, message: "is not a known job type" }],
  });
};

/** Checks a payload by its schema, as the handler will. Stored is what was given: defaults and transforms are applied when the handler runs. */
const checkByType = async (definition: JobDefinition, payload: unknown, at: string): Promise<void> => {
  // SQL tells it from no payload at all only here and there.
  if (payload === null) throw invalid([{ pointer: at, message: "must not be null" }], "invalid_payload");
  const { error } = await definition.payload.safeParseAsync(payload);
  if (error !== undefined) throw invalid(fieldErrorsOf(error, at), "invalid_payload");
  const bytes = bytesOf(payload);
  if (bytes <= MAX_DOCUMENT_BYTES) return;
  throw new ForgeqError("payload_too_large", `A payload has ${bytes} bytes; at most ${MAX_DOCUMENT_BYTES} are taken`, {
    errors: [{ pointer: at, message: "is too large" }],
  });
};

/**
 * Checks the payload of a type, and gives it as it is stored.
 *
 * @param key - whose types are named where there is none of the name
 * @throws ForgeqError `unknown_type`, `forbidden`, `invalid_payload` or `payload_too_large`
 */
export const checkTypedPayload = async (
  types: JobTypes,
  type: string,
  payload: unknown,
  key: Bounds = UNBOUND,
): Promise<unknown> => {
  const errors = checkDocument(payload, "/payload");
  if (errors.length > 0) throw invalid(errors);
  await checkByType(definitionOf(types, type, "", key), payload, "/payload");
  return payload;
};

/**
 * Checks one job of a request: envelope, type, what the key may send, payload.
 *
 * @param at - the pointer of the job in the request's body
 * @throws ForgeqError `invalid_job`, `unknown_type`, `forbidden`, `invalid_payload` or `payload_too_large`, with pointers
 */
export const checkJob = async (
  types: JobTypes,
  raw: unknown,
  { at = "", key = UNBOUND }: { readonly at?: string; readonly key?: Bounds } = {},
): Promise<CheckedJob> => {
  const job = checkEnvelope(raw, at);
  const definition = definitionOf(types, job.type, at, key);
  requireUse(key, { type: job.type, queue: job.queue ?? definition.queue });
  await checkByType(definition, job.payload, `${at}/payload`);
  return job;
};

/** Known without a list of them, which the check of fields makes and writes out. */
const hasManyFields = (raw: unknown): boolean => {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) return false;
  let fields = 0;
  for (const _ in raw) if (++fields > MAX_FIELD_ERRORS) return true;
  return false;
};

/**
 * Checks a batch. All its jobs are looked at: the errors name each wrong one, the code is the first one's.
 *
 * @throws ForgeqError as `checkJob`; no job of the batch is taken then
 */
export const checkBatch = async (types: JobTypes, raw: unknown, key: Bounds): Promise<CheckedJob[]> => {
  if (hasManyFields(raw)) throw invalid([{ pointer: "", message: "has fields that are not known" }]);
  const { data, error } = batchBody.safeParse(raw);
  if (data === undefined) throw invalid(fieldErrorsOf(error));
  const jobs: CheckedJob[] = [];
  const failures: ForgeqError[] = [];
  for (const [index, item] of data.jobs.entries()) {
    try {
      jobs.push(await checkJob(types, item, { at: `/jobs/${index}`, key }));
    } catch (failure) {
      if (!(failure instanceof ForgeqError)) throw failure;
      failures.push(failure);
    }
  }
  const [first] = failures;
  if (first === undefined) return jobs;
  const errors = failures.flatMap((failure) => failure.details.errors ?? []).slice(0, MAX_FIELD_ERRORS);
  throw new ForgeqError(first.code, first.message, { ...first.details, errors });
};
