import { describe, expect, it, vi } from "vitest";
import { checkDocument, isOver, parseJson, toPointer } from "../../lib/core/document.ts";

const nested = (depth: number): unknown => {
  let value: unknown = 1;
  for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? [value] : { a: value };
  return value;
};

const malformed = (pointers?: readonly string[]) =>
  expect.objectContaining({
    code: "malformed_json",
    ...(pointers && {
      details: { errors: pointers.map((pointer) => ({ pointer, message: "is a number that would lose digits" })) },
    }),
  }) as Error;

describe("toPointer", () => {
  it("escapes ~ and /", () => {
    expect(toPointer([])).toBe("");
    expect(toPointer(["a/b", 0, "m~n", ""])).toBe("/a~1b/0/m~0n/");
  });
});

describe("checkDocument", () => {
  it("finds nothing wrong with what jsonb holds", () => {
    expect(
      checkDocument({ a: ["é", "😀", "\u0001", 0.1, -0, true, null, {}, new Date(0)], "": undefined }, "/payload"),
    ).toEqual([]);
  });

  it.each([
    ["\0", "", "contains a NUL character"],
    [{ a: ["x", "\ud800"] }, "/a/1", "contains half of a surrogate pair"],
    [{ "a/b": { "c\0": 1 } }, "/a~1b", "has a key that contains a NUL character"],
    [{ "\udc00": 1 }, "", "has a key that contains half of a surrogate pair"],
    [[Infinity], "/0", "is not a finite number"],
    [[undefined], "/0", "is undefined, which JSON can't hold"],
    [{ n: 1n }, "/n", "is bigint, which JSON can't hold"],
    [{ a: { toJSON: () => ["\0"] } }, "/a/0", "contains a NUL character"],
  ])("names what is wrong with %o", (value, pointer, message) => {
    expect(checkDocument(value, "/payload")).toEqual([{ pointer: `/payload${pointer}`, message }]);
  });

  it("takes 64 levels and no more", () => {
    expect(checkDocument(nested(64))).toEqual([]);
    const [error] = checkDocument(nested(65));
    expect(error?.message).toBe("is nested deeper than 64 levels");
    expect(error?.pointer.split("/")).toHaveLength(65);
  });

  it("ends on a cycle", () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    expect(checkDocument(cycle)).toHaveLength(1);
  });

  it("names at most 50 faults", () => {
    expect(checkDocument(Array.from({ length: 1000 }, () => "\0"))).toHaveLength(50);
  });
});

describe("parseJson", () => {
  it.each([
    "0",
    "-0",
    "1.0",
    "1.50",
    "0.1",
    "1e2",
    "1E+2",
    "120e-1",
    "9007199254740991",
    "5e-324",
    "1.7976931348623157e308",
  ])("takes %s", (text) => {
    expect(parseJson(text)).toBe(Number(text));
  });

  it.each(["1e400", "-1e400", "12345678901234567890", "9007199254740993", "0.1000000000000000055", "1e-400"])(
    "refuses %s, which a double would round",
    (text) => {
      expect(() => parseJson(text)).toThrow(malformed([""]));
      expect(() => parseJson(`{"a/b": [1, {"c": ${text}}, 2], "d": ${text}}`)).toThrow(malformed(["/a~1b/1/c", "/d"]));
    },
  );

  it.each(["", "{", "{'a': 1}", "[1,]", "NaN", "01", "\u00a0{}", '"\n"'])("refuses %j", (text) => {
    expect(() => parseJson(text)).toThrow(malformed());
  });

  it.each([
    ["exponents", "1e1"],
    ["exponents of three digits", "1e201"],
    ["the smallest numbers", "5e-324"],
    ["numbers of seventeen digits", "1.2345678901234560"],
    ["strings", '"1e400"'],
    ["escapes", String.raw`"\\\"1e400"`],
    ["objects", '{"a":1e1}'],
  ])("takes one pass over %s, and calls back for none", (_what, item) => {
    const text = `[${Array.from({ length: 1_000 }, () => item).join(",")}]`;
    const parse = vi.spyOn(JSON, "parse");
    const look = vi.spyOn(String.prototype, "charCodeAt");
    parseJson(text);
    const [revivers, looks] = [parse.mock.calls.map(([, reviver]) => reviver), look.mock.calls.length];
    vi.restoreAllMocks();
    expect(revivers).toEqual([undefined]);
    // Those of numbers of many digits are compared with the double's, too.
    expect(looks).toBeLessThan(6 * text.length);
  });

  it("names 50 of the numbers that lose digits, and looks for no more", () => {
    const look = vi.spyOn(String.prototype, "charCodeAt");
    const refused = malformed(Array.from({ length: 50 }, (_none, index) => `/${index}`));
    expect(() => parseJson(`[${"1e400,".repeat(10_000)}0]`)).toThrow(refused);
    const looks = look.mock.calls.length;
    vi.restoreAllMocks();
    expect(looks).toBeLessThan(2_000);
  });

  it("tells numbers from what stands in strings and keys", () => {
    const text = String.raw`{"1e400": "1e400", "\"": "\\", "a": ["\\\"", {"\u0041": -1E+400}]}`;
    expect(() => parseJson(text)).toThrow(malformed(["/a/1/A"]));
  });

  it("survives nesting that would overflow the stack", () => {
    const deep = (inner: string) => `${"[".repeat(1_000_000)}${inner}${"]".repeat(1_000_000)}`;
    expect(() => parseJson(deep("1e400"))).toThrow(malformed());
    expect(checkDocument(parseJson(deep("1")))).toHaveLength(1);
    expect(checkDocument(parseJson(deep("1e9")))).toHaveLength(1);
  });

  it("keeps __proto__ as a key like any other", () => {
    const value = parseJson('{"__proto__": {"admin": true}}') as object;
    expect(Object.keys(value)).toEqual(["__proto__"]);
    expect("admin" in value).toBe(false);
    expect(JSON.stringify(value)).toBe('{"__proto__":{"admin":true}}');
  });

  it("lets the last of a repeated key win", () => {
    expect(parseJson('{"a": 2, "a": 1}')).toEqual({ a: 1 });
    expect(() => parseJson('{"a": 1e400, "a": 1}')).toThrow(malformed(["/a"]));
  });
});

describe("isOver", () => {
  it("says so only of what takes more as JSON, and stops where it knows", () => {
    for (const value of ["é\\", [1, [2]], { a: "b", c: { d: [null, true] } }, nested(64)]) {
      const bytes = Buffer.byteLength(JSON.stringify(value));
      expect(isOver(value, bytes)).toBe(false);
      expect(isOver(value, 0)).toBe(true);
    }
    let looks = 0;
    const watched = new Proxy(
      Array.from({ length: 100_000 }, () => 1),
      {
        get: (target, name) => {
          looks += 1;
          return Reflect.get(target, name) as unknown;
        },
      },
    );
    expect(isOver(watched, 100)).toBe(true);
    expect(looks).toBeLessThan(300);
  });
});
