/** The queries and bodies of the api function. */
import * as z from "zod";
import { camelCased } from "../core/camel-case.ts";
import { hasControls, MAX_REASON_CHARACTERS } from "../core/controls.ts";
import { instant, name } from "./fields.ts";
import { decodeAttempt, decodeCursor, decodeLife, decodeName, isUuid } from "./wire.ts";

/** Where a list goes on. */
export const cursorOf = (decode: (text: string) => string | null) =>
  z.string().transform((text, context) => {
    const after = decode(text);
    if (after !== null) return after;
    context.addIssue({ code: "custom", message: "must be the next_cursor of an earlier answer" });
    return z.NEVER;
  });

/** Where a list of jobs goes on: gives an id. */
export const cursor = cursorOf(decodeCursor);

export const pageLimit = z
  .string()
  .regex(/^[1-9][0-9]{0,2}$/, "must be 1 to 100")
  .transform(Number)
  .pipe(z.int().min(1).max(100))
  // The documents say what it means.
  .meta({ type: "integer", minimum: 1, maximum: 100, pattern: undefined });

/** A page of attempts begins after the end of one, in microseconds since 1970, and its number. */
const attemptCursor = cursorOf(decodeAttempt);

const MAX_INTEGER = 2_147_483_647;

/** A life of a job. */
const life = z
  .string()
  .regex(/^[1-9][0-9]{0,9}$/, "must be a life, 1 or above")
  .transform(Number)
  .pipe(z.int().max(MAX_INTEGER))
  .meta({ type: "integer", minimum: 1, maximum: MAX_INTEGER, pattern: undefined });

/** The query of `GET /jobs/{id}`. */
export const jobQuery = z.strictObject({
  life: life.exactOptional().describe("An earlier life, as it ended; the newest unless given."),
});

/** The query of `GET /jobs/{id}/attempts`. Gives the life, and what `listAttempts` takes. */
export const attemptsQuery = z
  .strictObject({
    life: life.exactOptional().describe("Of an earlier life; of the newest unless given."),
    limit: pageLimit.default(100),
    cursor: attemptCursor.exactOptional(),
  })
  .transform(({ life: of, limit: most, cursor: after = null }) => ({ life: of, page: { limit: most, after } }));

/** A page of lives begins with a life, and goes downwards. */
const lifeCursor = cursorOf(decodeLife).transform(Number);

/** The query of `GET /jobs/{id}/lives`. */
export const livesQuery = z.strictObject({ limit: pageLimit.default(20), cursor: lifeCursor.exactOptional() });

/** A page of a list by name begins after a name. */
const nameCursor = cursorOf(decodeName);

/** The query of a list by name, `GET /queues` and `GET /schedules`: how many, and the name that they come after. */
export const namedQuery = z
  .strictObject({ limit: pageLimit.default(100), cursor: nameCursor.exactOptional() })
  .transform(({ limit: most, cursor: after = "" }) => ({ limit: most, after }));

/** The metrics are asked for so many queues at most. */
const MAX_METRICS_QUEUES = 500;

/** The query of `GET /metrics`: the queues to show, all with most live jobs unless given. */
export const metricsQuery = z.strictObject({ queue: z.array(name).max(MAX_METRICS_QUEUES).exactOptional() });

/** The query of `GET /health`. */
export const healthQuery = z.strictObject({ deep: z.literal("1").exactOptional() });

/** Why somebody did something, for whoever looks. */
export const reason = z
  .string()
  .min(1)
  .max(MAX_REASON_CHARACTERS)
  .refine((text) => !hasControls(text) && text.isWellFormed(), "must have no control characters");

/** What `POST /jobs/{id}/retry` takes, where it has a body: the life that the caller saw. */
export const retryBody = z.strictObject({
  life: z
    .int()
    .min(1)
    .max(MAX_INTEGER)
    .exactOptional()
    .describe("The life that you saw: a retry that is sent again changes nothing then."),
  payload: z.unknown().optional().describe("Of the new life, instead of the old one's."),
});

/** Postgres' integer. */
const limit = z.int().min(1).max(MAX_INTEGER);

/** An operator lists this many types at most for a queue. */
const MAX_TYPES = 64;

/** What `PUT /queues/{name}` takes: what to set; null is no limit. Gives what `setQueue` takes. */
export const queueLimits = z
  .strictObject({
    max_in_flight: limit.nullable().exactOptional(),
    max_pending: limit.nullable().exactOptional(),
    retention_days: z.int().min(1).max(3650).exactOptional(),
    types: z
      .array(name)
      .max(MAX_TYPES)
      .describe("Whose jobs may go there, in addition to the types of which the code says so. A new queue needs it.")
      .exactOptional(),
  })
  .refine((limits) => Object.keys(limits).length > 0, "must name a limit, or types")
  .transform(camelCased);

/** What `POST /jobs/{id}/cancel` takes, where it has a body. */
export const cancelBody = z.strictObject({
  reason: reason.exactOptional().describe("Why: the error of the job, once it is cancelled."),
});

/** What `POST /queues/{name}/pause` takes. Gives what `pauseQueue` takes. */
export const pauseBody = z.strictObject({
  reason: reason.exactOptional().describe("Why, for whoever looks."),
  until: instant.exactOptional().describe("The pause ends then by itself."),
});

/** The id of a path, or null when it can't be one. */
export const uuidOf = (text: string | undefined): string | null =>
  text !== undefined && isUuid(text) ? text.toLowerCase() : null;

const MAX_TOKEN_CHARACTERS = 4_000;

/** What `POST /session` takes. */
export const signInBody = z
  .strictObject({
    key: z.string().max(MAX_TOKEN_CHARACTERS).exactOptional(),
    code: z.string().max(MAX_TOKEN_CHARACTERS).exactOptional().describe("Instead of a key: what a command line made."),
    read_only: z.boolean().default(false).describe("Keeps only the scopes that read."),
  })
  .refine(({ key, code }) => (key === undefined) !== (code === undefined), "must have either key or code");
