/** Nothing of a page is cut or wider than its window, at each width, and with letters twice as large. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { type BrowserContext, hasBrowser, launchWith, open, type Page, signIn, tooWide } from "./support/browser.ts";
import { shop } from "./support/fixture.ts";
import { serve } from "./support/server.ts";

const TIME_OUT_MS = 240_000;

/** Each page, and what has to be there before it is looked at. */
const PAGES = [
  ["", ".chart"],
  ["?page=jobs", "table.jobs"],
  ["?page=failures", ".error-group"],
  ["?page=dead", ".error-group"],
  ["?page=queues", "th a"],
  ["?page=queues&queue=webhooks", ".chart"],
  ["?page=running", "tbody th"],
  ["?page=settings", ".setting"],
] as const;

/** Shortened on purpose, with all of it one step away: in a title, in the job, or in the list that scrolls. */
const SHORTENED =
  ".sr, .sr *, .groups a, .groups a *, .jobs td, .jobs td *, .problems p, .problems p *, .scroll, .tabs, .side li span";

/** The texts that don't fit where they are. */
const cut = (page: Page): Promise<string[]> =>
  page.evaluate(
    (shortened) =>
      [...document.querySelectorAll<HTMLElement>("body *")]
        .filter((each) => !each.matches(shortened) && each.childElementCount === 0 && each.textContent.trim() !== "")
        .filter((each) => {
          const own = each.getBoundingClientRect();
          const box = each.closest(".tile, button, .button, .segments, .card > header")?.getBoundingClientRect();
          const isOut = box !== undefined && (own.right > box.right + 1 || own.bottom > box.bottom + 1);
          return (
            own.width > 0 &&
            (isOut || each.scrollWidth > each.clientWidth + 1) &&
            getComputedStyle(each).display !== "inline"
          );
        })
        .map((each) => `${each.tagName} ${each.className}: ${each.textContent}`),
    SHORTENED,
  );

/** Tables that have to be scrolled sideways. */
const sideways = (page: Page): Promise<number> =>
  page.evaluate(
    () => [...document.querySelectorAll(".scroll")].filter((each) => each.scrollWidth > each.clientWidth + 1).length,
  );

/** Errors in the list of jobs of which less than 80 pixels are in the window. */
const hiddenErrors = (page: Page): Promise<number> =>
  page.evaluate(() => {
    const errors = [...document.querySelectorAll(".jobs .err")].map((each) =>
      each.closest("td")!.getBoundingClientRect(),
    );
    const list = document.querySelector(".scroll")!.getBoundingClientRect();
    return errors.length === 0
      ? -1
      : errors.filter(({ left, right }) => Math.min(right, list.right) - left < 80).length;
  });

describe.skipIf(!hasBrowser)("the dashboard's pages", () => {
  let origin = "";
  let server: Awaited<ReturnType<typeof serve>>;
  beforeAll(async () => {
    const { url } = await shop(400);
    server = await serve(url);
    ({ origin } = server);
  });
  afterAll(() => server.stop());

  /** A browser with a font size of its own, as somebody has who reads large letters. */
  const reader = async (fontSize: number): Promise<BrowserContext> => {
    const folder = mkdtempSync(join(tmpdir(), "forgeq-reader-"));
    mkdirSync(join(folder, "Default"));
    const preferences = { webkit: { webprefs: { default_font_size: fontSize } } };
    writeFileSync(join(folder, "Default", "Preferences"), JSON.stringify(preferences));
    const context = await launchWith(folder);
    onTestFinished(async () => {
      await context.close();
      rmSync(folder, { recursive: true, force: true });
    });
    await signIn(context, origin);
    return context;
  };

  it.each([
    [16, [1440, 1280, 1024, 768, 390, 320]],
    [32, [1440, 1280, 640]],
  ] as const)(
    "fit with letters of %d pixels",
    async (fontSize, widths) => {
      const context = await reader(fontSize);
      for (const [address, there] of PAGES) {
        const { page } = await open(context, origin, address);
        await page.locator(there).first().waitFor();
        const size = await page.evaluate(() => parseFloat(getComputedStyle(document.body).fontSize));
        expect(size).toBe(fontSize * 0.875);
        for (const width of widths) {
          await page.setViewportSize({ width, height: 900 });
          await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
          expect({ address, width, tooWide: await tooWide(page), cut: await cut(page) }).toEqual({
            ...{ address, width, tooWide: 0, cut: [] },
          });
          if (fontSize === 16 && width >= 768)
            expect([address, width, await sideways(page)]).toEqual([address, width, 0]);
          // What a job failed by is seen without scrolling sideways.
          if (address === "?page=jobs") expect([width, await hiddenErrors(page)]).toEqual([width, 0]);
        }
        await page.close();
      }
    },
    TIME_OUT_MS,
  );
});
