/** What bodies and queries of every function have in common. */
import * as z from "zod";
import { uniqueKeyFault } from "../core/controls.ts";
import { NAME_PATTERN } from "../core/job.ts";

/** The years that Postgres, JavaScript and RFC 3339 write alike. */
const EARLIEST = Date.parse("1970-01-01T00:00:00Z");
const LATEST = Date.parse("9999-12-31T00:00:00Z");

export const name = z.string().regex(NAME_PATTERN, `must match ${NAME_PATTERN.source}`);

export const instant = z.iso
  .datetime({ offset: true, error: "must be an RFC 3339 date-time with an offset, as 2030-01-31T08:00:00Z" })
  .transform((text) => new Date(text))
  .refine((at) => at.getTime() >= EARLIEST && at.getTime() <= LATEST, "must be in the years 1970 to 9999");

/** Of a body that holds a few fields. */
export const MAX_SMALL_BODY_BYTES = 4096;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Not z.record, which drops a `__proto__` key. */
export const metadata = z.custom<Record<string, unknown>>(isObject, "must be an object");

export const uniqueKey = z
  .string()
  .min(1, { abort: true })
  .max(200, { abort: true })
  .refine((key) => uniqueKeyFault(key) === null, { error: ({ input }) => uniqueKeyFault(String(input)) ?? "" });
