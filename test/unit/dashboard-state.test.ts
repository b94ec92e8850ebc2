import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { instantOf, parseTerms, printTerms, queryOf, suggestionsOf, withTerms } from "../../dashboard/state/filter.ts";
import { activityOf, type Situation, waitMsOf } from "../../dashboard/state/pace.ts";
import { shownRows, withOlder } from "../../dashboard/state/rows.ts";

const MINUTE = 60_000;
const NOW = 100 * MINUTE;
const awake: Situation = {
  nowMs: NOW,
  intervalMs: 2_000,
  paused: false,
  hidden: false,
  touchedAtMs: NOW,
  changedAtMs: NOW,
  quietUntilMs: null,
  failures: 0,
};

describe("the pace of a dashboard", () => {
  it.each([
    ["live", 2_000, {}],
    ["live", 12_000, { changedAtMs: NOW - MINUTE }],
    ["live", 30_000, { changedAtMs: NOW - 60 * MINUTE }],
    ["paused", null, { paused: true }],
    ["hidden", null, { hidden: true }],
    ["idle", null, { touchedAtMs: NOW - 5 * MINUTE - 1 }],
    ["live", 10_000, { quietUntilMs: Infinity, changedAtMs: NOW - 50_000 }],
    ["asleep", null, { quietUntilMs: Infinity, changedAtMs: NOW - MINUTE - 1 }],
    ["asleep", 20 * MINUTE, { quietUntilMs: NOW + 20 * MINUTE, changedAtMs: NOW - MINUTE - 1 }],
    ["live", 12_000, { quietUntilMs: NOW + 4_000, changedAtMs: NOW - MINUTE - 1 }],
    ["failing", 4_000, { failures: 1 }],
    ["failing", 60_000, { failures: 50 }],
    ["failing", 4_000, { failures: 1, quietUntilMs: Infinity, changedAtMs: NOW - 10 * MINUTE }],
  ] as const)("is %s and asks after %s ms", (activity, waitMs, situation) => {
    const given = { ...awake, ...situation };
    expect(activityOf(given)).toBe(activity);
    const waited = waitMsOf(given);
    if (waitMs === null) expect(waited).toBeNull();
    else expect(Math.abs(waited! - waitMs)).toBeLessThan(10);
  });
});

describe("the filter", () => {
  it.each([
    ["type:send_email", [["type", "send_email"]]],
    [
      "payload.customer.id:42 metadata.tenant:acme",
      [
        ["payload.customer.id", "42"],
        ["metadata.tenant", "acme"],
      ],
    ],
    ['error:"connect ECONNREFUSED"', [["error", "connect ECONNREFUSED"]]],
    ["ECONNREFUSED", [["error", "ECONNREFUSED"]]],
    ["019ab000-0000-7000-8000-000000000000", [["id", "019ab000-0000-7000-8000-000000000000"]]],
    ["https://hooks.example.com", [["error", "https://hooks.example.com"]]],
    ["payload.:x", [["error", "payload.:x"]]],
    ["type:", [["error", "type:"]]],
    ["", []],
  ] as const)("reads %s", (text, terms) => {
    expect(parseTerms(text).map(({ field, value }) => [field, value])).toEqual(terms);
  });

  it("reads what it prints, whatever the values", () => {
    const value = fc.string({ minLength: 1, unit: "grapheme" }).filter((text) => text.trim() === text);
    const term = fc.record({ field: fc.constantFrom("type", "key", "error", "payload.a.b"), value });
    fc.assert(
      fc.property(fc.array(term, { maxLength: 4 }), (terms) => {
        expect(parseTerms(printTerms(terms))).toEqual(terms);
      }),
    );
  });

  it("replaces a field's value and keeps the others", () => {
    const terms = withTerms(parseTerms("type:a queue:q"), parseTerms("type:b"));
    expect(printTerms(terms)).toBe("queue:q type:b");
  });

  it("asks the API with its own names and with instants", () => {
    const now = Date.parse("2030-01-02T00:00:00Z");
    expect(queryOf(parseTerms("key:k after:2h before:2030-01-01T00:00:00Z payload.a:1"), now)).toEqual({
      unique_key: "k",
      created_after: "2030-01-01T22:00:00.000Z",
      created_before: "2030-01-01T00:00:00.000Z",
      "payload.a": "1",
    });
    expect(instantOf("yesterday", now)).toBeNull();
  });

  it("suggests fields, and then values", () => {
    const values = { type: ["send_email", "crawl_page"] };
    expect(suggestionsOf("ty", values).map(({ text }) => text)).toEqual(["type:"]);
    expect(suggestionsOf("type:cr", values).map(({ text }) => text)).toEqual(["type:crawl_page"]);
    expect(suggestionsOf("id:x", values)).toEqual([]);
  });
});

describe("the rows of a list", () => {
  const page = (ids: string, next: string | null = "more") => ({
    data: [...ids].map((id) => ({ id, n: ids.length })),
    next_cursor: next,
  });
  const idsOf = ({ rows }: { rows: readonly { id: string }[] }) => rows.map(({ id }) => id).join("");

  it("are the newest ones while nobody holds them", () => {
    expect(idsOf(shownRows(shownRows(null, page("abc"), false), page("xab"), false))).toBe("xab");
  });

  it("stay where they are while they are held, changed in place, with what is new counted", () => {
    const shown = shownRows(shownRows(null, page("abc"), true), page("xyab"), true);
    expect([idsOf(shown), shown.newer, [...shown.left]]).toEqual(["abc", 2, []]);
    expect(shown.rows[0]).toEqual({ id: "a", n: 4 });
  });

  it("say which of them have left, where the answer is whole", () => {
    expect([...shownRows(shownRows(null, page("abc"), true), page("ac", null), true).left]).toEqual(["b"]);
  });

  it("show a job once, also where older ones were asked for", () => {
    expect(idsOf(withOlder(shownRows(null, page("abc"), false), page("cde").data))).toBe("abcde");
  });
});
