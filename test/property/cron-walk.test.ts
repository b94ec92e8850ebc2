import { describe, expect, it } from "vitest";
import { cronRule } from "../../lib/core/cron.ts";
import { daysOfChange, firstDifference, RULES, vixieEntry, walkVixie, ZONES } from "../support/schedule/vixie.ts";

const DAY_MS = 86_400_000;

export const slotsOf = (cron: string, timezone: string, fromMs: number, toMs: number): number[] => {
  const rule = cronRule(cron, timezone);
  const slots: number[] = [];
  for (let at = rule.nextAfter(new Date(fromMs - 1000)); at !== null && at.getTime() < toMs; at = rule.nextAfter(at))
    slots.push(at.getTime());
  return slots;
};

describe("around each change of a clock in ten years, slots are those of a walk minute by minute", () => {
  const entries = RULES.map(vixieEntry);

  it.each(ZONES)("in %s", (timezone) => {
    const days = daysOfChange(timezone, Date.UTC(2008, 5, 15), Date.UTC(2018, 5, 15));
    expect(days.length).toBeGreaterThanOrEqual(timezone === "UTC" ? 0 : 5);
    for (const dayMs of [...days, Date.UTC(2016, 1, 28)]) {
      const [fromMs, toMs] = [dayMs - DAY_MS, dayMs + 3 * DAY_MS];
      const walked = walkVixie(entries, timezone, fromMs, toMs);
      RULES.forEach((cron, index) => {
        const difference = firstDifference(slotsOf(cron, timezone, fromMs, toMs), walked[index]!);
        expect(difference && `${cron}: ${difference}`).toBeNull();
      });
    }
  });
});
