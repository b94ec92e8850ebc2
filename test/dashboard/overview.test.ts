/** What is broken, since when, and which jobs: the overview says it of each problem, and leads to its jobs. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SECRET } from "../support/http/http.ts";
import { type Browser, hasBrowser, launch, open, signedIn } from "./support/browser.ts";
import { emptyShop, incident, run, shop } from "./support/fixture.ts";
import { serve } from "./support/server.ts";

const TIME_OUT_MS = 120_000;

describe.skipIf(!hasBrowser)("the overview", () => {
  let browser: Browser;
  beforeAll(async () => void (browser = await launch()));
  afterAll(() => browser.close());

  it(
    "says of each problem since when it is there, and leads to its jobs",
    async () => {
      const made = await shop(400, true);
      const { origin } = await serve(made.url);
      const paused = await fetch(`${origin}/queues/plain/pause`, {
        method: "POST",
        headers: { authorization: `Bearer ${SECRET}`, "content-type": "application/json" },
        body: JSON.stringify({ reason: "the bank is down" }),
      });
      expect(paused.status).toBe(200);
      await made.queue.enqueue(3);
      const context = await signedIn(browser, origin);
      const { page, faults } = await open(context, origin);
      const problems = page.locator(".problems li");
      await problems.first().waitFor();
      const seen = await problems.evaluateAll((all) =>
        all.map((each) => ({
          what: each.querySelector("p")?.textContent,
          since: each.querySelector(".since time")?.getAttribute("datetime"),
        })),
      );
      const whats = seen.map(({ what }) => what);
      expect(whats).toEqual([
        expect.stringMatching(/^deliver_webhook: \d+ jobs died: HttpError 503 from https/),
        expect.stringMatching(/^charge_card: 9 jobs died: PermanentError card_declined: order 3400\d\d$/),
        expect.stringMatching(/^Queue emails is .* behind$/),
        expect.stringMatching(/^Queue crawl is .* behind$/),
        expect.stringMatching(/^deliver_webhook: 12 attempts failed: TimeoutError The job took longer than 30 s$/),
        "Queue plain is paused while 3 jobs wait: the bank is down",
      ]);
      expect(await page.locator(".verdict").textContent()).toBe("6 problems");
      const [failed] = await made.db.query<{ at: Date }>(
        "select min(ended_at) as at from forgeq.job_attempt where error->>'name' = 'HttpError'",
      );
      expect(seen.map(({ since }) => since)).not.toContain(undefined);
      expect(seen[0]?.since).toBe(failed!.at.toISOString());

      const linked = async (row: number): Promise<(string | null)[]> => {
        await problems.nth(row).locator("a").click();
        await page.locator("table.jobs tbody tr").first().waitFor();
        const parts = await page
          .locator("table.jobs tbody tr")
          .evaluateAll((rows) =>
            rows.map((each) => `${each.querySelector(".s")?.textContent} ${each.querySelector(".q")?.textContent}`),
          );
        await page.goBack();
        await problems.first().waitFor();
        return [...new Set(parts)];
      };
      expect(await linked(0)).toEqual(["dead webhooks"]);
      expect(await linked(1)).toEqual(["dead billing"]);
      expect(await linked(2)).toEqual(["pending emails"]);
      expect(await linked(5)).toEqual(["pending plain"]);

      await page.goto(`${origin}/dashboard?page=queues`);
      await page.locator(".verdict.bad a").click();
      await problems.first().waitFor();
      expect(faults).toEqual([]);
    },
    TIME_OUT_MS,
  );

  it(
    "names a failing type, a full queue and an overdue schedule, each with its time and a way to it",
    async () => {
      const made = await incident();
      const { origin } = await serve(made.url);
      const { page, faults } = await open(await signedIn(browser, origin), origin);
      const problems = page.locator(".problems li");
      await problems.first().waitFor();
      const seen = await problems.evaluateAll((all) =>
        all.map((each) => [each.querySelector("p")?.textContent, each.querySelector("a")?.textContent]),
      );
      expect(seen).toEqual([
        [expect.stringMatching(/^deliver_webhook: 40 jobs died: HttpError 503 from https/), "40 dead jobs"],
        [expect.stringMatching(/^Queue billing is 12 min.* behind: all its 20 slots are taken$/), "20 running"],
        ["Schedule nightly_report is overdue: it has not fired", "The schedule"],
      ]);
      const overdue = problems.nth(2);
      const since = Date.parse((await overdue.locator("time").getAttribute("datetime"))!);
      expect(Math.abs(Date.now() - since - 41 * 60_000)).toBeLessThan(60_000);
      await overdue.locator("a").click();
      await page.getByRole("dialog").getByRole("heading", { name: "nightly_report" }).waitFor();
      await page.keyboard.press("Escape");
      await page.locator("td .state.dead", { hasText: "overdue" }).waitFor();
      expect(faults).toEqual([]);
    },
    TIME_OUT_MS,
  );

  it(
    "draws a job that died once",
    async () => {
      const made = await emptyShop();
      await run(made, {
        ...{ type: "charge_card", queue: "billing", jobs: 3, outcome: "dead" },
        error: () => ({ name: "Declined", message: "no", stack: "" }),
      });
      const { origin } = await serve(made.url);
      const { page } = await open(await signedIn(browser, origin), origin);
      const legend = page.locator(".chart .legend").first();
      await legend.waitFor();
      expect(await legend.locator("li").allTextContents()).toEqual(["Completed0", "Retried0", "Dead3"]);
    },
    TIME_OUT_MS,
  );
});
