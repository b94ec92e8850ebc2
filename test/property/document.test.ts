import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  checkDocument,
  MOST_BYTES_A_ROUGH_ONE,
  parseJson,
  plainCopy,
  roughBytes,
  toPointer,
} from "../../lib/core/document.ts";
import { ForgeqError } from "../../lib/core/errors.ts";

/** RFC 6901, read back. */
const resolve = (root: unknown, pointer: string): unknown =>
  pointer
    .split("/")
    .slice(1)
    .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"))
    .reduce<unknown>((node, token) => (node as Record<string, unknown>)[token], root);

const isStorable = (text: string): boolean => text.isWellFormed() && !text.includes("\0");

describe("parseJson", () => {
  it("gives back every value that JSON.stringify wrote", () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: "binary" }), (value) => {
        const text = JSON.stringify(value);
        expect(JSON.stringify(parseJson(text))).toBe(text);
      }),
    );
  });

  it("takes a text or throws malformed_json, nothing else", () => {
    const pieces = fc.constantFrom(
      "{",
      "}",
      "[",
      "]",
      ":",
      ",",
      '"',
      '"a"',
      "1e9",
      "-",
      "0.5",
      "null",
      "\\u0000",
      "99999999999999999999",
    );
    const texts = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(pieces).map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(texts, (text) => {
        try {
          parseJson(text);
        } catch (error) {
          expect(error).toBeInstanceOf(ForgeqError);
          expect(error).toHaveProperty("code", "malformed_json");
        }
      }),
    );
  });

  it("takes a decimal exactly when its double is written as an equal decimal", () => {
    const digits = fc.stringMatching(/^[1-9][0-9]{0,24}$/);
    fc.assert(
      fc.property(digits, fc.integer({ min: 0, max: 30 }), (whole, places) => {
        const padded = whole.padStart(places + 1, "0");
        const text = places === 0 ? whole : `${padded.slice(0, -places)}.${padded.slice(-places)}`;
        const exact = BigInt(Math.abs(Number(text)).toFixed(0)) === BigInt(whole);
        if (places === 0 && !exact) expect(() => parseJson(text)).toThrow(ForgeqError);
        if (whole.length <= 15) expect(parseJson(text)).toBe(Number(text));
      }),
    );
  });
});

describe("checkDocument", () => {
  it("points at strings that can't be stored, and at nothing else", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary" })), fc.string(), (strings, key) => {
        fc.pre(isStorable(key));
        const document = { [key]: strings };
        const errors = checkDocument(document);
        const faulty = strings.flatMap((text, index) => (isStorable(text) ? [] : [toPointer([key, index])]));
        expect(errors.map((error) => error.pointer)).toEqual(faulty.slice(0, 50));
        for (const { pointer } of errors) expect(isStorable(resolve(document, pointer) as string)).toBe(false);
      }),
    );
  });
});

describe("roughBytes", () => {
  it("is at least a sixth of what JSON takes, wherever it says a number", () => {
    const documents = fc.jsonValue({ stringUnit: "binary" });
    fc.assert(
      fc.property(documents, (value) => {
        const rough = roughBytes(value);
        const faulty = checkDocument(value).length > 0;
        expect(Number.isNaN(rough)).toBe(faulty);
        if (!faulty)
          expect(Buffer.byteLength(JSON.stringify(value))).toBeLessThanOrEqual(rough * MOST_BYTES_A_ROUGH_ONE);
      }),
      { numRuns: 2_000 },
    );
  });

  it("does not guess what a value says itself", () => {
    expect(roughBytes({ at: new Date(0) })).toBeNaN();
    expect(roughBytes([undefined])).toBeNaN();
    expect(roughBytes({ a: undefined, b: "c" })).toBe(roughBytes({ b: "c" }));
    expect(roughBytes(1n)).toBeNaN();
  });
});

describe("plainCopy", () => {
  const written = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

  it("is what JSON makes of the value, or undefined", () => {
    const anything = fc.anything({
      withBigInt: true,
      withBoxedValues: true,
      withDate: true,
      withMap: true,
      withNullPrototype: true,
      withObjectString: true,
      withSet: true,
      withSparseArray: true,
      withTypedArray: true,
      stringUnit: "binary",
    });
    fc.assert(
      fc.property(anything, (value) => {
        const copy = plainCopy(value);
        if (copy === undefined) return;
        expect(copy).toStrictEqual(written(value));
        expect(checkDocument(copy)).toEqual([]);
      }),
      { numRuns: 2_000 },
    );
  });

  it("copies every document that can be stored, so that a later change is none of the copy", () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: "binary" }), (value) => {
        const text = JSON.stringify(value);
        // Whose prototype `__proto__` would be.
        if (text.includes('"__proto__"') || checkDocument(value).length > 0) return;
        const copy = plainCopy(value);
        expect(JSON.stringify(copy)).toBe(text);
        if (typeof value === "object" && value !== null) expect(copy).not.toBe(value);
      }),
    );
  });

  it.each([
    ["a Date", new Date(0)],
    ["a toJSON of its own", { toJSON: () => 1 }],
    ["a list with a toJSON", Object.assign([1], { toJSON: () => 2 })],
    ["an instance of a class", new (class Point {})()],
    ["a boxed text", Object("text")],
    ["__proto__", JSON.parse('{"__proto__": {"a": 1}}')],
    ["a hole", [1, , 2]], // prettier-ignore
    ["a function", { a: () => 1 }],
    ["NUL in a key", { "a\0": 1 }],
    ["half of a surrogate pair", ["\ud800"]],
    ["NaN", { a: NaN }],
  ])("leaves %s to JSON", (_, value: unknown) => {
    expect(plainCopy(value)).toBeUndefined();
    expect(plainCopy({ a: [value] })).toBeUndefined();
  });

  it("drops what is undefined, and has no -0", () => {
    expect(plainCopy({ a: undefined, b: -0, c: [{ d: null }] })).toStrictEqual({ b: 0, c: [{ d: null }] });
  });
});
