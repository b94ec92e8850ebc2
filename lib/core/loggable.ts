import { isError, thrownText } from "./reason.ts";

const LEVELS = 8;
const UNSHOWN = "(can't be shown)";

const ofError = (error: Error): Record<string, unknown> => ({
  name: String(error.name),
  message: thrownText(error),
  ...(typeof error.stack === "string" && { stack: error.stack }),
});

const ofObject = (value: object, above: readonly object[]): unknown => {
  if (above.includes(value)) return "(circular)";
  if (above.length >= LEVELS) return "(nested too deep)";
  const inside = [...above, value];
  if ("toJSON" in value && typeof value.toJSON === "function")
    return shown((value as { toJSON(): unknown }).toJSON(), inside);
  if (Array.isArray(value)) return value.map((each) => shown(each, inside));
  return Object.fromEntries(Object.keys(value).map((key) => [key, shownField(value, key, inside)]));
};

const shownField = (value: object, key: string, above: readonly object[]): unknown => {
  try {
    return shown((value as Record<string, unknown>)[key], above);
  } catch {
    return UNSHOWN;
  }
};

const shown = (value: unknown, above: readonly object[]): unknown => {
  try {
    if (typeof value === "bigint" || typeof value === "symbol") return String(value);
    if (typeof value !== "object" || value === null) return value;
    return isError(value) ? ofError(value) : ofObject(value, above);
  } catch {
    return UNSHOWN;
  }
};

/**
 * Whatever a handler logs, as values that each logger can write as JSON: errors with their names, messages, causes and stacks; BigInts and symbols
 * as text; cycles cut. Never throws.
 */
export const loggable = (fields: unknown): Record<string, unknown> => {
  if (fields === undefined || fields === null) return {};
  const plain = shown(fields, []);
  if (typeof plain !== "object" || plain === null || Array.isArray(plain)) return { value: plain };
  return isError(fields) ? { error: plain } : (plain as Record<string, unknown>);
};
