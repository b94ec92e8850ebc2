/** What is shown is the answer to the last question, however late and in whatever order answers come. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Browser, hasBrowser, launch, open, type Route, signedIn } from "./support/browser.ts";
import { shop } from "./support/fixture.ts";
import { serve } from "./support/server.ts";

const TIME_OUT_MS = 180_000;
const SEQUENCES = 30;

/** A small generator, so that a failure can be seen again. */
const seeded = (seed: number) => () => {
  seed = (seed * 1_664_525 + 1_013_904_223) % 2 ** 32;
  return seed / 2 ** 32;
};

const TABS = ["All", "Scheduled", "Pending", "Completed", "Dead", "Cancelled"] as const;

describe.skipIf(!hasBrowser)("a dashboard before a slow server", () => {
  let browser: Browser;
  beforeAll(async () => void (browser = await launch()));
  afterAll(() => browser.close());

  it(
    `shows the last question's answer after ${SEQUENCES} sequences of tabs, answered in any order`,
    async () => {
      const { url } = await shop(400);
      const { origin } = await serve(url);
      const context = await signedIn(browser, origin);
      const { page, faults } = await open(context, origin, "?page=jobs");
      await page.locator("table.jobs").waitFor();
      const random = seeded(7);
      let waiting: (() => Promise<void>)[] = [];
      const hold = (route: Route): void => void waiting.push(() => route.continue().catch(() => undefined));
      const release = async (): Promise<void> => {
        const all = waiting.sort(() => random() - 0.5);
        waiting = [];
        await Promise.all(all.map((each) => each()));
      };
      for (let sequence = 0; sequence < SEQUENCES; sequence += 1) {
        await page.route(/:\d+\/jobs\?/, hold);
        const tabs = Array.from(
          { length: 2 + Math.floor(random() * 4) },
          () => TABS[Math.floor(random() * TABS.length)]!,
        );
        for (const tab of tabs) {
          await page.locator(".tabs a", { hasText: tab }).first().click();
          if (random() < 0.4) await release();
        }
        await release();
        await page.unroute(/:\d+\/jobs\?/, hold);
        await release();
        const wanted = tabs.at(-1)!.toLowerCase();
        await expect.poll(() => page.locator(".list table, .list .empty").count()).toBe(1);
        const shown = new Set(
          (await page.locator("table.jobs td.s").allTextContents()).map((state) =>
            state === "retrying" ? "scheduled" : state,
          ),
        );
        if (wanted !== "all")
          expect([sequence, tabs, [...shown]]).toEqual([sequence, tabs, shown.size === 0 ? [] : [wanted]]);
      }
      expect(faults).toEqual([]);
    },
    TIME_OUT_MS,
  );

  it(
    "acts on the rows that were picked, however the list moves",
    async () => {
      const { url, queue } = await shop(200);
      const { origin } = await serve(url);
      const context = await signedIn(browser, origin);
      const { page } = await open(context, origin, "?page=jobs&state=completed");
      const rows = page.locator("table.jobs tbody tr");
      await rows.first().waitFor();
      const random = seeded(11);
      for (let round = 0; round < 20; round += 1) {
        // Jobs complete all the time; the list is asked for anew before and after the clicks.
        const [job] = await queue.enqueue(1);
        const held = await queue.lease();
        expect(held.jobIds).toContain(job);
        await queue.settle(held, "completed");
        const answered = page.waitForResponse(/:\d+\/jobs\?/);
        await page.keyboard.press("r");
        await answered;
        const from = Math.floor(random() * 10);
        const to = from + 1 + Math.floor(random() * 8);
        // What is under the pointer when it comes to rest is what is meant.
        await rows.nth(from).hover();
        const ids = await rows.evaluateAll((all) => all.map((row) => row.getAttribute("data-row")));
        const again = page.waitForResponse(/:\d+\/jobs\?/);
        await page.keyboard.press("r");
        await again;
        await rows.nth(from).locator("input").click();
        await rows
          .nth(to)
          .locator("input")
          .click({ modifiers: ["Shift"] });
        const picked = await page
          .locator("table.jobs tbody tr:has(input:checked)")
          .evaluateAll((all) => all.map((row) => row.getAttribute("data-row")));
        expect(picked).toEqual(ids.slice(from, to + 1));
        await page.getByRole("button", { name: "Clear" }).click();
        await page.mouse.move(5, 5);
      }
    },
    TIME_OUT_MS,
  );
});
