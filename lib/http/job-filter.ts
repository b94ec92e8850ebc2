/** Which jobs a request means, in a query (`GET /jobs`) or in a body (bulk actions). */
import * as z from "zod";
import { FINGERPRINT, type JobFilter, type PathValue, pointerPath } from "../core/job-filter.ts";
import { ForgeqError } from "../core/errors.ts";
import { JOB_STATES } from "../core/states.ts";
import type { ApiKey } from "./api-keys.ts";
import { instant, name } from "./fields.ts";
import { cursor, pageLimit } from "./schemas.ts";

const MAX_NAMES = 100;
const MAX_IDS = 100;
const MAX_CONDITIONS = 5;

/** What Postgres can compare. */
const text = (most: number) =>
  z
    .string()
    .min(1)
    .max(most)
    .refine((value) => !value.includes("\0") && value.isWellFormed(), "must be text without NUL characters");

const idText = z.guid().toLowerCase();
const conditionValue = text(2_000);

/** `customer.id`, or a JSON pointer: `/customer/id`. Null where it is neither. */
const readPath = (path: string): readonly string[] | null => {
  const names = path.startsWith("/") ? pointerPath(path) : path.split(".");
  const fits = path.length <= 200 && names.length <= 20 && !path.includes("\0") && path.isWellFormed();
  return fits && (path.startsWith("/") || names.every((each) => each !== "")) ? names : null;
};

const PATH_FAULT = "must name a value by keys, as customer.id, or by a JSON pointer, as /customer/id";

/** What each field of a filter is called in a query and in a body. A field that has no name here does not compile. */
export const FILTER_NAMES = {
  states: "state",
  types: "type",
  queues: "queue",
  ids: "id",
  uniqueKey: "unique_key",
  error: "error",
  createdAfter: "created_after",
  createdBefore: "created_before",
  payload: "payload",
  metadata: "metadata",
} as const satisfies Record<keyof JobFilter, string>;

type Names = typeof FILTER_NAMES;

/** A schema, an option or the like for each of them. */
export type EachFilter<Value> = Readonly<Record<Names[keyof JobFilter], Value>>;

type Given = { readonly [Field in keyof JobFilter as Names[Field]]: JobFilter[Field] };

/** A list has one value at least; only an object without paths gives an empty one, and is no condition. */
const isAbsent = (value: unknown): boolean => value === undefined || (Array.isArray(value) && value.length === 0);

const toFilter = (given: Given): JobFilter =>
  Object.fromEntries(
    Object.entries(FILTER_NAMES)
      .map(([field, name]) => [field, given[name]] as const)
      .filter(([, value]) => !isAbsent(value)),
  );

const NOTES = {
  error: "A text within the last error's `name: message`, in any case, or the fingerprint of a group of GET /errors.",
  created_after: "Made at or after it, by the instant in the id.",
  created_before: "Made before it, by the instant in the id.",
};

/** Given several times, or once with commas between. */
const texts = z.array(z.string()).transform((all) => all.flatMap((each) => each.split(",")));

const include = z
  .string()
  .transform((all) => all.split(","))
  .pipe(z.array(z.enum(["payload", "result", "attempts"])))
  .transform((parts) => ({
    payload: parts.includes("payload"),
    result: parts.includes("result"),
    attempts: parts.includes("attempts"),
  }));

const tooMany = ({ payload = [], metadata = [] }: JobFilter, context: z.RefinementCtx): void => {
  if (payload.length + metadata.length <= MAX_CONDITIONS) return;
  const message = `has more than ${MAX_CONDITIONS} conditions on payload and metadata`;
  context.addIssue({ code: "custom", path: [], message });
};

const paths = z
  .custom<Readonly<Record<string, unknown>>>(
    (value) => typeof value === "object" && value !== null && !Array.isArray(value),
    "must be an object of values by their paths",
  )
  .transform((object, context) =>
    Object.entries(object).flatMap(([at, value]): PathValue[] => {
      const path = readPath(at);
      const plain = typeof value === "number" || typeof value === "boolean" ? String(value) : value;
      const read = conditionValue.safeParse(plain);
      if (path !== null && read.success) return [{ path, value: read.data }];
      const message = path === null ? PATH_FAULT : "must be a text, a number or a boolean";
      context.addIssue({ code: "custom", path: [at], message });
      return [];
    }),
  );

const fields = {
  unique_key: text(200).exactOptional(),
  error: text(200).describe(NOTES.error).exactOptional(),
  created_after: instant.describe(NOTES.created_after).exactOptional(),
  created_before: instant.describe(NOTES.created_before).exactOptional(),
  payload: paths.exactOptional(),
  metadata: paths.exactOptional(),
};

/** Parameters of `GET /jobs` that may be repeated. */
export const LIST_PARAMETERS = ["state", "type", "queue", "id"] as const;

/** Those that stand before a path: `payload.customer.id=42`. */
export const LIST_PREFIXES = ["payload", "metadata"] as const;

const inQuery = {
  state: texts.pipe(z.array(z.enum(JOB_STATES)).max(JOB_STATES.length)).exactOptional(),
  type: texts.pipe(z.array(name).max(MAX_NAMES)).exactOptional(),
  queue: texts.pipe(z.array(name).max(MAX_NAMES)).exactOptional(),
  id: texts.pipe(z.array(idText).max(MAX_IDS)).exactOptional(),
  ...fields,
} satisfies EachFilter<z.ZodType>;

/** The query of `GET /jobs`. Gives what `listJobs` takes. */
export const listQuery = z
  .strictObject({
    ...inQuery,
    limit: pageLimit.default(25),
    cursor: cursor.exactOptional(),
    include: include.default({ payload: false, result: false, attempts: false }),
  })
  .transform(({ limit, cursor: after = null, include: parts, ...given }, context) => {
    tooMany(given, context);
    return { ...toFilter(given), limit, after, include: parts };
  });

const oneOrMore = <Schema extends z.ZodType<string>>(one: Schema, most: number) =>
  z
    .union([one, z.array(one).min(1).max(most)])
    .transform((value): readonly z.output<Schema>[] => (Array.isArray(value) ? value : [value as z.output<Schema>]));

const inBody = {
  state: oneOrMore(z.enum(JOB_STATES), JOB_STATES.length).exactOptional(),
  type: oneOrMore(name, MAX_NAMES).exactOptional(),
  queue: oneOrMore(name, MAX_NAMES).exactOptional(),
  id: oneOrMore(idText, MAX_IDS).exactOptional(),
  ...fields,
} satisfies EachFilter<z.ZodType>;

/** The same filter in a body: `payload` and `metadata` are objects of values by their paths. Gives a JobFilter. */
export const jobFilterBody = z.strictObject(inBody).transform((given, context): JobFilter => {
  tooMany(given, context);
  return toFilter(given);
});

/** The part that a request asks for, and its key may see. */
export const partOf = (
  key: ApiKey,
  { type, queue }: { readonly type?: readonly string[]; readonly queue?: readonly string[] } = {},
): { readonly types: readonly string[] | null; readonly queues: readonly string[] | null } => ({
  types: meet(type, key.types) ?? null,
  queues: meet(queue, key.queues) ?? null,
});

/** What both allow; null is everything. */
const meet = (
  asked: readonly string[] | undefined,
  allowed: readonly string[] | null,
): readonly string[] | undefined =>
  allowed === null ? asked : allowed.filter((each) => asked?.includes(each) ?? true);

/** Whether a condition on it tells of what is hidden without `payloads:read`: it could be guessed by asking. */
const TELLS_HIDDEN: Readonly<Record<keyof JobFilter, boolean>> = {
  states: false,
  types: false,
  queues: false,
  ids: false,
  uniqueKey: false,
  error: true,
  createdAfter: false,
  createdBefore: false,
  payload: true,
  metadata: true,
};

const tellsHidden = (filter: JobFilter): boolean =>
  (Object.keys(TELLS_HIDDEN) as (keyof JobFilter)[]).some(
    (field) =>
      TELLS_HIDDEN[field] && filter[field] !== undefined && !(field === "error" && FINGERPRINT.test(filter[field])),
  );

/**
 * The part of a filter that a key may use: jobs of its types and queues.
 *
 * @throws ForgeqError `forbidden` for a condition on what the key may not read: it could be guessed by asking
 */
export const boundFilter = <Filter extends JobFilter>(key: ApiKey, filter: Filter): Filter => {
  if (tellsHidden(filter) && !key.scopes.includes("payloads:read"))
    throw new ForgeqError("forbidden", "A search by payload, metadata or error needs a key with payloads:read");
  const types = meet(filter.types, key.types);
  const queues = meet(filter.queues, key.queues);
  return { ...filter, ...(types !== undefined && { types }), ...(queues !== undefined && { queues }) };
};
