/** Every page, as somebody sees it: without a violation of WCAG, no wider than its window, and without a word of the browser's console. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Browser, hasBrowser, launch, open, signedIn, tooWide, violationsOf, watch } from "./support/browser.ts";
import { emptyShop, shop } from "./support/fixture.ts";
import { serve } from "./support/server.ts";

const TIME_OUT_MS = 400_000;

/** Each page, and what has to be there before it is looked at. */
const PAGES = [
  ["?page=overview", ".tiles", ".tiles"],
  ["?page=jobs", "table.jobs", ".empty"],
  ["?page=failures", ".error-group", ".empty"],
  ["?page=dead", ".error-group", ".empty"],
  ["?page=queues", "th a", "th a"],
  ["?page=queues&queue=webhooks", ".chart", ".chart"],
  ["?page=schedules", ".empty", ".empty"],
  ["?page=running", "tbody th", ".empty"],
  ["?page=settings", ".setting", ".setting"],
] as const;

/** Each theme on a phone, and each width once. */
const LOOKS = [
  { width: 390, colorScheme: "light" },
  { width: 390, colorScheme: "dark" },
  { width: 390, colorScheme: "light", forcedColors: "active" },
  { width: 1440, colorScheme: "dark" },
  { width: 320, colorScheme: "light" },
] as const;

describe.skipIf(!hasBrowser)("the dashboard's pages", () => {
  let browser: Browser;
  beforeAll(async () => void (browser = await launch()));
  afterAll(() => browser.close());

  const look = async (origin: string, address: string, there: string, { width, ...scheme }: (typeof LOOKS)[number]) => {
    const context = await signedIn(browser, origin, { viewport: { width, height: 900 }, ...scheme });
    const { page, faults } = await open(context, origin, address);
    await page.locator(there).first().waitFor();
    const seen = { violations: await violationsOf(page), tooWide: await tooWide(page), faults };
    await context.close();
    return seen;
  };

  it.each(["full", "empty"])(
    "are for everybody, %s",
    async (kind) => {
      const { url } = await (kind === "full" ? shop() : emptyShop());
      const { origin } = await serve(url);
      for (const [address, full, empty] of PAGES) {
        const looks = kind === "full" ? LOOKS : LOOKS.slice(1, 2);
        for (const each of looks)
          expect({ address, each, ...(await look(origin, address, kind === "full" ? full : empty, each)) }).toEqual({
            ...{ address, each, violations: [], tooWide: 0, faults: [] },
          });
      }
    },
    TIME_OUT_MS,
  );

  it(
    "say what failed when the API does not answer, and never that there is nothing",
    async () => {
      const { url } = await emptyShop();
      const { origin } = await serve(url);
      const context = await signedIn(browser, origin, { viewport: { width: 390, height: 900 } });
      for (const [address] of PAGES.slice(0, -1)) {
        const { page } = watch(await context.newPage());
        await page.route(/:\d+\/(overview|jobs|errors|queues|stats|schedules|leases|workers)/, (route) =>
          route.fulfill({
            status: 503,
            contentType: "application/problem+json",
            json: { code: "database_unavailable", detail: "The database did not answer" },
          }),
        );
        await page.goto(`${origin}/dashboard${address}`);
        await page.locator("[role=alert]").first().waitFor();
        expect(await page.locator("[role=alert]").first().textContent()).toBe("The database did not answer");
        expect(await page.locator(".empty").count()).toBe(0);
        // Neither does it say that it is still reading, nor that all is well.
        await page.locator(".verdict", { hasText: "Not known: the server gives no answer" }).waitFor();
        await expect.poll(() => page.locator(".skeleton, .verdict.good").count(), { timeout: 20_000 }).toBe(0);
        expect([address, await violationsOf(page), await tooWide(page)]).toEqual([address, [], 0]);
        await page.close();
      }
    },
    TIME_OUT_MS,
  );

  it(
    "say that nothing is known any more when the API stops answering",
    async () => {
      const { url } = await emptyShop();
      const { origin } = await serve(url);
      const { page } = watch(await (await signedIn(browser, origin)).newPage());
      await page.goto(`${origin}/dashboard`);
      await page.locator(".verdict.good", { hasText: "All queues keep up" }).waitFor();
      await page.route("**/overview", (route) => route.abort());
      await page.keyboard.press("r");
      await page.locator(".verdict", { hasText: /^Not known since/ }).waitFor();
      expect(await page.locator(".verdict.good").count()).toBe(0);
      await page.unroute("**/overview");
      await page.keyboard.press("r");
      await page.locator(".verdict.good", { hasText: "All queues keep up" }).waitFor();
    },
    TIME_OUT_MS,
  );

  it(
    "ask for a key first, whoever opens them",
    async () => {
      const { url } = await emptyShop();
      const { origin } = await serve(url);
      const context = await browser.newContext({ viewport: { width: 320, height: 700 } });
      const { page, faults } = await open(context, origin, "?page=dead");
      expect(await violationsOf(page)).toEqual([]);
      expect(await tooWide(page)).toBe(0);
      await page.getByLabel("API key").fill("fq_not_the_right_one_at_all");
      await page.keyboard.press("Enter");
      await page.locator("[role=alert]").waitFor();
      expect(faults).toEqual([]);
    },
    TIME_OUT_MS,
  );
});
