import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { endOfThrown, toAttemptError } from "../../lib/queue/run/attempt.ts";

const ID = "0190a0b0-0000-7000-8000-000000000000";

const revoked = (): object => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
};

const coded = (message: string, code: string): Error => Object.assign(new Error(message), { code });

describe("why an attempt failed", () => {
  it.each<[string, unknown, string]>([
    ["a cause", new Error("could not save", { cause: new Error("duplicate key") }), "could not save: duplicate key"],
    [
      "a cause's code",
      new TypeError("fetch failed", { cause: coded("", "ECONNREFUSED") }),
      "fetch failed: ECONNREFUSED",
    ],
    ["a code that the message lacks", coded("no such user", "P0002"), "no such user (P0002)"],
    ["no code twice", coded("connect ECONNREFUSED 8.8.8.8:1", "ECONNREFUSED"), "connect ECONNREFUSED 8.8.8.8:1"],
    ["no cause twice", new Error("failed: no", { cause: new Error("no") }), "failed: no"],
    ["the first of several errors", new AggregateError(["first", "second", "third", "fourth"].map((each) => new Error(each))), "first; second; third"], // prettier-ignore
    ["several errors with a message", new AggregateError([new Error("first")], "all failed"), "all failed: first"],
    ["a plain object", { code: "PGRST116", message: "no rows" }, '{"code":"PGRST116","message":"no rows"}'],
    ["an object without a prototype", Object.assign(Object.create(null), { a: 1 }), '{"a":1}'],
    ["an array", [1, 2], "[1,2]"],
    ["a plain object as a cause", new Error("no", { cause: { status: 503 } }), 'no: {"status":503}'],
    ["a text as a cause", new Error("no", { cause: "because" }), "no: because"],
    ["an object with a text of its own", new URL("https://example.com/"), "https://example.com/"],
    ["a number", 42, "42"],
    ["nothing", undefined, "undefined"],
  ])("has %s", (_, thrown, message) => expect(toAttemptError(thrown).message).toBe(message));

  it("follows causes five levels deep, and cycles and ten thousand of them as far", () => {
    const chain = (depth: number): Error =>
      depth === 0 ? new Error("deepest") : new Error(`level ${depth}`, { cause: chain(depth - 1) });
    expect(toAttemptError(chain(5)).message).toBe("level 5: level 4: level 3: level 2: level 1: deepest");
    let deep = new Error("end");
    for (let n = 0; n < 10_000; n += 1) deep = new Error(`n${n}`, { cause: deep });
    expect(toAttemptError(deep).message.split(": ")).toHaveLength(6);
    const cyclic = new Error("round");
    cyclic.cause = new Error("and", { cause: cyclic });
    expect(toAttemptError(cyclic).message).toMatch(/^round: and/);
  });

  it("keeps within its limits, without private addresses, with the stacks of causes", () => {
    const cause = new Error("connect ECONNREFUSED 127.0.0.1:5432 " + "x".repeat(5_000_000));
    const { message, stack } = toAttemptError(new Error("fetch failed", { cause }));
    expect(message).toContain("fetch failed: connect ECONNREFUSED a private address:5432");
    expect(message.length).toBeLessThanOrEqual(2_000);
    expect(stack!.length).toBeLessThanOrEqual(6_000);
    expect(toAttemptError(new Error("outer", { cause: new TypeError("inner") })).stack).toMatch(
      /Caused by: TypeError: inner\n\s+at /,
    );
  });

  it("knows an error of another realm", () => {
    expect(toAttemptError(runInNewContext('new TypeError("from another realm")'))).toMatchObject({
      name: "TypeError",
      message: "from another realm",
      stack: expect.stringContaining("from another realm"),
    });
  });

  it.each<[string, unknown]>([
    ["a revoked proxy", revoked()],
    ["a proxy whose prototype throws", new Proxy({}, { getPrototypeOf: () => { throw new Error("no"); } })], // prettier-ignore
    ["an error with a revoked proxy as its cause", new Error("outer", { cause: revoked() })],
    ["a BigInt in an object", { n: 1n }],
    ["an object with a toJSON that throws", { toJSON: () => { throw new Error("no"); } }], // prettier-ignore
    ["a message that is an object", Object.assign(new Error(), { message: revoked() })],
  ])("is a retry whatever was thrown: %s", (_, thrown) => {
    expect(endOfThrown(ID, thrown, null)).toMatchObject({ id: ID, outcome: "retry", error: { name: "Error" } });
    expect(endOfThrown(ID, thrown, "timed_out")).toMatchObject({ outcome: "timed_out" });
    expect(endOfThrown(ID, thrown, "shutdown")).toEqual({ id: ID, outcome: "released" });
  });
});
