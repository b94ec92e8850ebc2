import { describe, expect, it } from "vitest";
import { cronRule } from "../../lib/core/cron.ts";
import { ForgeqError } from "../../lib/core/errors.ts";

const next = (cron: string, timezone: string, after: string, count = 3): (string | null)[] => {
  const rule = cronRule(cron, timezone);
  const slots: (string | null)[] = [];
  for (let at: Date | null = new Date(after); slots.length < count && at !== null;) {
    at = rule.nextAfter(at);
    slots.push(at === null ? null : at.toISOString().replace(".000Z", "Z"));
  }
  return slots;
};

describe("cronRule", () => {
  it.each([
    ["30 9 * * 1-5", "2026-11-27T09:30:00Z", ["2026-11-30T09:30:00Z", "2026-12-01T09:30:00Z"]],
    ["*/15 * * * *", "2026-11-27T09:31:12.345Z", ["2026-11-27T09:45:00Z", "2026-11-27T10:00:00Z"]],
    ["*/20 * * * * *", "2026-11-27T09:31:20Z", ["2026-11-27T09:31:40Z", "2026-11-27T09:32:00Z"]],
    ["@daily", "2026-11-27T09:31:20Z", ["2026-11-28T00:00:00Z", "2026-11-29T00:00:00Z"]],
    ["@weekly", "2026-11-27T09:31:20Z", ["2026-11-29T00:00:00Z", "2026-12-06T00:00:00Z"]],
    // Day of month or day of week, when both are given.
    ["0 0 13 * 5", "2026-11-01T00:00:00Z", ["2026-11-06T00:00:00Z", "2026-11-13T00:00:00Z"]],
    ["0 0 29 2 *", "2026-11-27T00:00:00Z", ["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]],
    ["0 0 L * *", "2027-02-01T00:00:00Z", ["2027-02-28T00:00:00Z", "2027-03-31T00:00:00Z"]],
  ])("gives the next slots of %s strictly after an instant", (cron, after, slots) => {
    expect(next(cron, "UTC", after, 2)).toEqual(slots);
  });

  it("has no slot for a day that never comes", () => {
    expect(next("0 0 30 2 *", "UTC", "2026-01-01T00:00:00Z", 1)).toEqual([null]);
  });

  // The table of docs/schedules.md. Berlin: 2026-03-29 02:00 becomes 03:00 (01:00Z), 2026-10-25 03:00 becomes 02:00 (01:00Z).
  it.each([
    [
      "a time of day in the skipped hour comes right after it",
      "30 2 * * *",
      "2026-03-28T12:00:00Z",
      ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"],
    ],
    [
      "several of them come once",
      "0,20,40 2 * * *",
      "2026-03-29T00:00:00Z",
      ["2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"],
    ],
    [
      "together with one that is due then",
      "0 2,3 * * *",
      "2026-03-29T00:00:00Z",
      ["2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"],
    ],
    [
      "a wildcard has nothing in the skipped hour",
      "*/30 * * * *",
      "2026-03-29T00:00:00Z",
      ["2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z"],
    ],
    [
      "a wildcard of minutes in that hour has no slot on that day",
      "*/30 2 * * *",
      "2026-03-28T02:00:00Z",
      ["2026-03-30T00:00:00Z", "2026-03-30T00:30:00Z"],
    ],
    [
      "a time of day in the repeated hour comes at its first pass",
      "30 2 * * *",
      "2026-10-24T12:00:00Z",
      ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"],
    ],
    [
      "also when asked during the second pass",
      "30 2 * * *",
      "2026-10-25T01:10:00Z",
      ["2026-10-26T01:30:00Z", "2026-10-27T01:30:00Z"],
    ],
    [
      "a wildcard runs through both passes",
      "30 * * * *",
      "2026-10-25T00:00:00Z",
      ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"],
    ],
    ["hours with steps too", "0 */2 * * *", "2026-10-24T23:00:00Z", ["2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"]],
  ])("%s", (_, cron, after, slots) => {
    expect(next(cron, "Europe/Berlin", after, 2)).toEqual(slots);
  });

  it("just follows a date line that was moved", () => {
    // Apia had no 30 December 2011.
    expect(next("0 12 * * *", "Pacific/Apia", "2011-12-28T23:00:00Z", 2)).toEqual([
      "2011-12-29T22:00:00Z",
      "2011-12-30T22:00:00Z",
    ]);
  });

  it.each([
    ["61 * * * *", "UTC", "/cron"],
    ["* * * *", "UTC", "/cron"],
    ["* * * * * * 2030", "UTC", "/cron"],
    ["2030-01-01T00:00:00", "UTC", "/cron"],
    ["@reboot", "UTC", "/cron"],
    ["", "UTC", "/cron"],
    ["0 0 * * *".padEnd(300, " "), "UTC", "/cron"],
    ["0 0 * * *", "Europe/Atlantis", "/timezone"],
    ["0 0 * * *", "", "/timezone"],
  ])("refuses %j in %j and points to %s", (cron, timezone, pointer) => {
    const refused = (() => {
      try {
        return cronRule(cron, timezone);
      } catch (error) {
        return error;
      }
    })();
    expect(refused).toBeInstanceOf(ForgeqError);
    expect(refused).toMatchObject({ code: "invalid_schedule", details: { errors: [{ pointer }] } });
  });
});
