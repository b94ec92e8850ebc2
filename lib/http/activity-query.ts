/** The queries of what shows activity: /stats, /errors and the like. */
import * as z from "zod";
import { decodeCursor, decodeName } from "./wire.ts";
import { name } from "./fields.ts";
import { cursorOf, pageLimit } from "./schemas.ts";

/** Parameters that may be repeated. */
export const PART_PARAMETERS = ["type", "queue"] as const;

/** The windows of lib/queue/observe/period-stats.ts: a test compares. */
export const WINDOWS = ["1h", "24h", "7d", "30d"] as const;

const MAX_NAMES = 100;

/** Given several times, or once with commas between. */
const names = z
  .array(z.string())
  .transform((all) => all.flatMap((each) => each.split(",")))
  .pipe(z.array(name).max(MAX_NAMES));

const part = { type: names.exactOptional(), queue: names.exactOptional() };

const leaseLimit = z
  .string()
  .regex(/^[1-9][0-9]{0,2}$/, "must be 1 to 200")
  .transform(Number)
  .pipe(z.int().min(1).max(200));

export const statsQuery = z.strictObject({ window: z.enum(WINDOWS).default("1h"), ...part });

export const errorsQuery = z.strictObject({ window: z.enum(WINDOWS).default("24h"), ...part });

export const countsQuery = z.strictObject(part);

export const leasesQuery = z
  .strictObject({ ...part, limit: leaseLimit.default(200), cursor: cursorOf(decodeCursor).exactOptional() })
  .transform(({ cursor: after = null, ...same }) => ({ ...same, after }));

export const typesQuery = z
  .strictObject({ limit: pageLimit.default(100), cursor: cursorOf(decodeName).exactOptional() })
  .transform(({ cursor: after = "", limit }) => ({ after, limit }));
