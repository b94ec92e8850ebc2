import { expect, it } from "vitest";
import { cronRule } from "../../lib/core/cron.ts";
import { firstDifference, RULES, vixieEntry, walkVixie, ZONES } from "../support/schedule/vixie.ts";

const FROM_MS = Date.UTC(2008, 5, 15);
const TO_MS = Date.UTC(2018, 5, 15);

it.each(ZONES)(
  "ten years of slots in %s are those of a walk minute by minute",
  (timezone) => {
    const walked = walkVixie(RULES.map(vixieEntry), timezone, FROM_MS, TO_MS);
    let count = 0;
    RULES.forEach((cron, index) => {
      const rule = cronRule(cron, timezone);
      const slots: number[] = [];
      for (
        let at = rule.nextAfter(new Date(FROM_MS - 1000));
        at !== null && at.getTime() < TO_MS;
        at = rule.nextAfter(at)
      )
        slots.push(at.getTime());
      const difference = firstDifference(slots, walked[index]!);
      expect(difference && `${cron}: ${difference}`).toBeNull();
      count += slots.length;
    });
    console.log(`${timezone}: ${count} slots`);
  },
  600_000,
);
