import { roundedNumbers } from "./digits.ts";
import { ForgeqError } from "./errors.ts";
import type { FieldError } from "./errors.ts";
import { messageOf } from "./reason.ts";

/** Containers inside containers; `{"a": [1]}` has 2. */
export const MAX_NESTING = 64;

/** More faults than this help nobody. */
export const MAX_FIELD_ERRORS = 50;

const escapeToken = (token: PropertyKey): string => String(token).replaceAll("~", "~0").replaceAll("/", "~1");

/** An RFC 6901 JSON pointer: `toPointer(["a/b", 0])` is `/a~1b/0`; the empty path is the whole document, `""`. */
export const toPointer = (path: readonly PropertyKey[]): string =>
  path.map((token) => `/${escapeToken(token)}`).join("");

const stringFault = (text: string): string | null => {
  if (text.includes("\0")) return "contains a NUL character";
  return text.isWellFormed() ? null : "contains half of a surrogate pair";
};

const scalarFault = (value: unknown): string | null => {
  switch (typeof value) {
    case "string":
      return stringFault(value);
    case "number":
      return Number.isFinite(value) ? null : "is not a finite number";
    case "boolean":
      return null;
    default:
      return value === null ? null : `is ${typeof value}, which JSON can't hold`;
  }
};

/**
 * About how many bytes a value takes as JSON, in a fraction of the time that writing it takes.
 *
 * @param depth - of the containers around it
 * @returns NaN where only `checkDocument` and JSON.stringify can tell: something can't be stored, or says itself what its JSON is
 */
export const roughBytes = (value: unknown, depth = 0): number => {
  switch (typeof value) {
    case "string":
      return stringFault(value) === null ? value.length + 2 : NaN;
    case "number":
      return Number.isFinite(value) ? 8 : NaN;
    case "boolean":
      return 5;
    case "object":
      return value === null ? 4 : roughBytesInside(value, depth);
    default:
      return NaN;
  }
};

const roughBytesInside = (container: object, depth: number): number => {
  if (depth >= MAX_NESTING || typeof (container as { toJSON?: unknown }).toJSON === "function") return NaN;
  let sum = 2;
  if (Array.isArray(container)) {
    for (const item of container) sum += 1 + roughBytes(item, depth + 1);
    return sum;
  }
  // Inherited ones count too, and make it a little more at most: an array of entries would be garbage for each container.
  for (const key in container) {
    const item = (container as Record<string, unknown>)[key];
    if (item !== undefined) sum += 2 + roughBytes(key) + roughBytes(item, depth + 1);
  }
  return sum;
};

/** Bytes of JSON for one of `roughBytes` at most: a character may be escaped, as the backslash, u and four digits. */
export const MOST_BYTES_A_ROUGH_ONE = 6;

/**
 * A copy of plain data: what JSON.parse makes of what JSON.stringify writes, in a fraction of the time.
 *
 * @param depth - of the containers around it
 * @returns undefined where it is not plain: where JSON changes it, or can't hold it, or Postgres can't
 */
export const plainCopy = (value: unknown, depth = 0): unknown => {
  switch (typeof value) {
    case "string":
      return stringFault(value) === null ? value : undefined;
    case "number":
      // JSON has no -0.
      return Number.isFinite(value) ? value + 0 : undefined;
    case "boolean":
      return value;
    case "object":
      return value === null ? null : copyInside(value, depth);
    default:
      return undefined;
  }
};

const copyInside = (container: object, depth: number): unknown => {
  if (depth >= MAX_NESTING) return undefined;
  const prototype: unknown = Object.getPrototypeOf(container);
  if (Array.isArray(container)) return prototype === Array.prototype ? copyItems(container, depth) : undefined;
  return prototype === Object.prototype || prototype === null ? copyProperties(container, depth) : undefined;
};

const copyItems = (items: readonly unknown[], depth: number): unknown => {
  if ("toJSON" in items) return undefined;
  const copies: unknown[] = [];
  for (const item of items) {
    const copy = plainCopy(item, depth + 1);
    if (copy === undefined) return undefined;
    copies.push(copy);
  }
  return copies;
};

const copyProperties = (properties: object, depth: number): unknown => {
  const copies: Record<string, unknown> = {};
  for (const key of Object.keys(properties)) {
    const item = (properties as Record<string, unknown>)[key];
    if (item === undefined) continue;
    const copy = plainCopy(item, depth + 1);
    // Setting `__proto__` makes no property.
    if (copy === undefined || key === "__proto__" || stringFault(key) !== null) return undefined;
    copies[key] = copy;
  }
  return copies;
};

/** What is left of so many bytes, or less, once the value is written as JSON; below 0 where they are not enough. Looks no further then. */
const leftOf = (bytes: number, value: unknown, depth: number): number => {
  if (typeof value === "string") return bytes - value.length - 2;
  if (typeof value !== "object" || value === null || depth >= MAX_NESTING) return bytes - 1;
  let left = bytes - 2;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length && left >= 0; index += 1) left = leftOf(left, value[index], depth + 1);
    return left;
  }
  for (const key in value) {
    left = leftOf(left - key.length - 3, (value as Record<string, unknown>)[key], depth + 1);
    if (left < 0) break;
  }
  return left;
};

/** Whether a parsed document certainly takes more than so many bytes as JSON, known before anything is made of it: from what would be written at least. */
export const isOver = (value: unknown, bytes: number): boolean => leftOf(bytes, value, 0) < 0;

/** What JSON.stringify looks at in the value's place: a Date or a URL says itself what its JSON is. */
const asStringified = (value: unknown): unknown => {
  const toJSON = (value as { toJSON?: unknown } | null | undefined)?.toJSON;
  return typeof toJSON === "function" ? toJSON.call(value, "") : value;
};

/**
 * What of a JSON value Postgres' jsonb can't hold: NUL characters and lone surrogates in strings and keys, numbers that
 * are not finite, nesting above 64. Properties that are undefined are ignored, as JSON.stringify does.
 *
 * @param at - the pointer of `value` in the caller's document
 * @returns at most 50 faults; empty when the value can be stored. A container too deep is not looked into.
 */
export const checkDocument = (value: unknown, at = ""): FieldError[] => {
  const errors: FieldError[] = [];
  // Where `visit` is. Made a pointer for a fault only: documents without one are nearly all.
  const path: PropertyKey[] = [];
  const report = (message: string): void => void errors.push({ pointer: at + toPointer(path), message });
  const visitInside = (token: PropertyKey, item: unknown): void => {
    path.push(token);
    visit(item);
    path.pop();
  };
  const visit = (item: unknown): void => {
    if (errors.length >= MAX_FIELD_ERRORS) return;
    const node = asStringified(item);
    if (typeof node !== "object" || node === null) {
      const fault = scalarFault(node);
      if (fault !== null) report(fault);
      return;
    }
    if (path.length >= MAX_NESTING) return report(`is nested deeper than ${MAX_NESTING} levels`);
    if (Array.isArray(node)) {
      node.forEach((item: unknown, index) => visitInside(index, item));
      return;
    }
    for (const [key, item] of Object.entries(node)) {
      if (item === undefined) continue;
      const fault = stringFault(key);
      if (fault === null) visitInside(key, item);
      else report(`has a key that ${fault}`);
    }
  };
  visit(value);
  return errors.slice(0, MAX_FIELD_ERRORS);
};

/**
 * Parses JSON, and refuses numbers that a double can't keep, as 1e400 or 12345678901234567890, instead of rounding them.
 * Of a repeated key the last value counts, but none may lose digits; `__proto__` is a key like any other. Depth is left to `checkDocument`.
 *
 * @throws ForgeqError `malformed_json`; with pointers when it is about numbers
 */
export const parseJson = (text: string): unknown => {
  const value = parse(text);
  const paths = roundedNumbers(text, MAX_FIELD_ERRORS, MAX_NESTING);
  if (paths.length === 0) return value;
  const errors = paths.map((path) => ({ pointer: toPointer(path), message: "is a number that would lose digits" }));
  throw new ForgeqError("malformed_json", "The document has numbers that JSON readers round", { errors });
};

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ForgeqError("malformed_json", `The document is not JSON: ${messageOf(error)}`);
  }
};
