import { MAX_NESTING } from "../../core/document.ts";
import type { Progress } from "../protocol/leases.ts";
import type { AttemptError } from "../protocol/settle.ts";

/** What the protocol never stores, but a row may hold, by SQL or from an older version: read as nothing, so that one row breaks no list. */

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isDeep = (value: unknown, levels: number): boolean =>
  typeof value === "object" &&
  value !== null &&
  (levels === 0 || Object.values(value).some((item) => isDeep(item, levels - 1)));

/** A document; null where it is nested so deeply that nobody could write it as JSON again. */
const readDocument = (value: unknown): unknown => (isDeep(value, MAX_NESTING) ? null : value);

const readMetadata = (value: unknown): Record<string, unknown> =>
  isObject(value) && !isDeep(value, MAX_NESTING) ? value : {};

const readProgress = (value: unknown): Progress | null => {
  if (!isObject(value) || typeof value["fraction"] !== "number") return null;
  const { fraction, note } = value;
  return { fraction, note: typeof note === "string" ? note : null };
};

const textOr = (value: unknown, otherwise: string): string => (typeof value === "string" ? value : otherwise);

export const readError = (value: unknown): AttemptError | null => {
  if (value === null || value === undefined) return null;
  if (!isObject(value)) return { name: "Error", message: textOr(value, "") };
  const { name, message, stack } = value;
  const error = { name: textOr(name, "Error"), message: textOr(message, "") };
  return typeof stack === "string" ? { ...error, stack } : error;
};

interface OddRow {
  readonly payload?: unknown;
  readonly metadata: unknown;
  readonly progress: unknown;
  readonly result?: unknown;
  readonly error: unknown;
}

/** A row of a job, each odd value of it read as nothing. */
export const readJob = <Row extends OddRow>(row: Row): Row => ({
  ...row,
  ...(row.payload !== undefined && { payload: readDocument(row.payload) }),
  metadata: readMetadata(row.metadata),
  progress: readProgress(row.progress),
  ...(row.result !== undefined && { result: readDocument(row.result) }),
  error: readError(row.error),
});
