/** The body that makes a key. */
import * as z from "zod";
import { uniqueKeyFault } from "../core/controls.ts";
import { SCOPES } from "../core/scopes.ts";
import { name } from "./fields.ts";

export const MAX_KEY_BODY_BYTES = 16_384;
/** A key is bound to so many types, or queues, at most. */
const MOST_NAMES = 100;
const MAX_DAYS = 3_650;
const MAX_LABEL_CHARACTERS = 100;

const names = z.array(name).min(1).max(MOST_NAMES).nullable();

/** What `POST /keys` takes. */
export const newKeyBody = z.strictObject({
  label: z
    .string()
    .min(1)
    .max(MAX_LABEL_CHARACTERS)
    .refine((text) => uniqueKeyFault(text) === null, "must have no control characters")
    .describe("Whose it is, or what for."),
  scopes: z.array(z.enum(SCOPES)).min(1).max(SCOPES.length).describe("What it may do."),
  types: names.default(null).describe("The only types that it may use; null is all."),
  queues: names.default(null).describe("The only queues that it may use; null is all."),
  days: z.int().min(1).max(MAX_DAYS).nullable().default(null).describe("After which it expires; null is never."),
});
