/** What people come for, by keyboard alone and by touch. The focus is looked at after each step. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Browser, hasBrowser, launch, open, type Page, signedIn, watch } from "./support/browser.ts";
import { run, shop } from "./support/fixture.ts";
import { serve } from "./support/server.ts";
import { SECRET } from "../support/http/http.ts";

const TIME_OUT_MS = 120_000;

/** What has the focus, in short. */
const focusOf = (page: Page): Promise<string> =>
  page.evaluate(() => {
    const at = document.activeElement;
    return (
      at?.id ||
      at?.closest("[data-row]")?.getAttribute("data-row") ||
      at?.getAttribute("aria-label") ||
      at?.textContent ||
      ""
    );
  });

describe.skipIf(!hasBrowser)("the dashboard", () => {
  let browser: Browser;
  beforeAll(async () => void (browser = await launch()));
  afterAll(() => browser.close());

  it(
    "takes the developer from the sign-in to a job and back by keyboard alone",
    async () => {
      const { url } = await shop();
      const { origin } = await serve(url);
      const { page, faults } = watch(await (await browser.newContext()).newPage());
      await page.goto(`${origin}/dashboard`);
      await page.locator("#key").waitFor();
      expect(await focusOf(page)).toBe("key");
      await page.keyboard.type(SECRET);
      await page.keyboard.press("Enter");
      await page.locator("nav[aria-label=Pages]").waitFor();
      await page.keyboard.press("g");
      await page.keyboard.press("j");
      await page.locator("table.jobs").waitFor();
      expect(new URL(page.url()).searchParams.get("page")).toBe("jobs");

      await page.keyboard.press("/");
      expect(await focusOf(page)).toBe("filter");
      await page.keyboard.type("type:charge");
      await page.keyboard.press("ArrowDown");
      await page.keyboard.press("Enter");
      await page.getByRole("button", { name: "Remove type:charge_card" }).waitFor();
      await expect.poll(() => page.locator("table.jobs tbody tr").count()).toBeGreaterThan(5);
      expect(await page.locator("table.jobs .what a").allTextContents()).not.toContain("deliver_webhook");

      await page.keyboard.press("Escape");
      await page.keyboard.press("Escape");
      await page.keyboard.press("j");
      await page.keyboard.press("j");
      const row = await focusOf(page);
      expect(row).toBe(await page.locator("[data-row]").nth(1).getAttribute("data-row"));
      await page.keyboard.press("x");
      await page.getByRole("toolbar").waitFor();
      await page.keyboard.press("x");
      expect(await page.getByRole("toolbar").count()).toBe(0);

      await page.keyboard.press("Enter");
      await page.locator("dialog.panel .timeline").waitFor();
      expect(new URL(page.url()).searchParams.get("job")).toBe(row);
      await page.keyboard.press("Escape");
      await expect.poll(() => page.locator("dialog").count()).toBe(0);
      expect(await focusOf(page)).toBe(row);
      await page.goBack();
      await page.locator("dialog.panel .timeline").waitFor();
      await page.keyboard.press("Escape");
      await expect.poll(() => page.locator("dialog").count()).toBe(0);

      await page.keyboard.press("?");
      await page.getByRole("heading", { name: "Keys" }).waitFor();
      await page.keyboard.press("Escape");
      const theme = () => page.evaluate(() => document.documentElement.dataset["theme"]);
      expect(await theme()).toBe("system");
      await page.keyboard.press("t");
      expect(await theme()).toBe("light");
      expect(faults).toEqual([]);
    },
    TIME_OUT_MS,
  );

  it(
    "takes support from a customer's number to the job, with a key that may only look",
    async () => {
      const made = await shop();
      const { origin } = await serve(made.url);
      const [id] = await run(made, { type: "charge_card", queue: "billing", jobs: 1, outcome: "completed" });
      const context = await signedIn(browser, origin, { readOnly: true });
      const { page, faults } = await open(context, origin, "?page=jobs");
      await page.locator("table.jobs").waitFor();
      await page.keyboard.press("/");
      await page.keyboard.type("payload.customer.id:66700 type:charge_card");
      await page.keyboard.press("Enter");
      await page.locator(`[data-row="${id}"]`).waitFor();
      expect(await page.locator("table.jobs input").count()).toBe(0);
      await page.locator(`[data-row="${id}"] a`).press("Enter");
      await page.getByText("Read only: this session may look").waitFor();
      expect(await page.getByRole("button", { name: /Retry|Cancel|Delete/ }).count()).toBe(0);
      const refused = await page.evaluate(
        (job) =>
          fetch(`jobs/${job}/retry`, { method: "POST", headers: { "x-forgeq-dashboard": "1" } }).then(
            ({ status }) => status,
          ),
        id,
      );
      expect(refused).toBe(403);
      expect(faults).toEqual([]);
    },
    TIME_OUT_MS,
  );

  it(
    "takes the one on call from the first screen to what died and back to life, by touch on a phone",
    async () => {
      const { url, db } = await shop();
      const { origin } = await serve(url);
      const context = await signedIn(browser, origin, {
        viewport: { width: 390, height: 844 },
        hasTouch: true,
        isMobile: true,
      });
      const { page, faults } = await open(context, origin);
      await page.locator(".verdict.bad").waitFor();
      const worst = page.locator(".problems li").first();
      expect(await worst.textContent()).toMatch(/deliver_webhook: 26 jobs died: HttpError 503 .*since \d\d:\d\d/);
      await page.locator(".tile", { hasText: "Dead" }).locator("a").tap();
      const group = page.locator(".error-group", { hasText: "HttpError" });
      await group.waitFor();
      await group.getByRole("button", { name: "Retry the dead" }).tap();
      await page.getByRole("button", { name: "Retry 26 jobs" }).tap();
      await page.getByText("26 jobs retried.").waitFor();
      await page.getByRole("dialog").getByRole("button", { name: "Close" }).last().tap();
      const [{ n } = { n: 0 }] = await db.query<{ n: number }>(
        "select count(*)::int as n from forgeq.job where type = 'deliver_webhook' and life = 2",
      );
      expect(n).toBe(26);
      expect(faults).toEqual([]);
    },
    TIME_OUT_MS,
  );
});
