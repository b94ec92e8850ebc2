/** The page at /docs: Redoc, which nobody here has written, under the policy that it is served with. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { described } from "../../lib/http/openapi.ts";
import { createTestDatabase } from "../support/database/database.ts";
import { SECRET } from "../support/http/http.ts";
import { type Browser, hasBrowser, launch, signedIn, tooWide, violationsOf, watch } from "./support/browser.ts";
import { serve } from "./support/server.ts";

const TIME_OUT_MS = 180_000;
const EVERYTHING = 500 * 1024;
const [FIRST] = described;

describe.skipIf(!hasBrowser)("the page of the API", () => {
  let browser: Browser;
  beforeAll(async () => void (browser = await launch()));
  afterAll(() => browser.close());

  it(
    "shows every operation to who is signed in, by files of one host, and breaks no policy",
    async () => {
      const { url } = await createTestDatabase();
      const { origin } = await serve(url);
      const context = await signedIn(browser, origin);
      const { page, faults, requests } = watch(await context.newPage());
      const sizes: Promise<number>[] = [];
      page.on("requestfinished", (request) => {
        sizes.push(request.sizes().then(({ responseBodySize }) => responseBodySize));
      });
      const answer = await page.goto(`${origin}/docs`);
      await page.getByRole("heading", { name: FIRST!.summary }).first().waitFor({ timeout: 60_000 });
      const shown = await page.locator("#reference").innerText();
      expect(described.filter(({ summary }) => !shown.includes(summary)).map(({ id }) => id)).toEqual([]);
      await page.locator("[data-section-id]").first().scrollIntoViewIfNeeded();
      expect({ faults, wide: await tooWide(page) }).toEqual({ faults: [], wide: 0 });
      expect(new Set(requests.map((request) => request.url.origin))).toEqual(new Set([origin]));
      expect((await Promise.all(sizes)).reduce((sum, bytes) => sum + bytes, 0)).toBeLessThan(EVERYTHING);
      const policy = answer?.headers()["content-security-policy"] ?? "";
      expect(policy).toContain("script-src 'self';");
      expect(policy).not.toContain("unsafe");
    },
    TIME_OUT_MS,
  );

  it(
    "asks a stranger for a key, says why one is refused, and keeps none",
    async () => {
      const { url } = await createTestDatabase();
      const { origin } = await serve(url);
      const context = await browser.newContext({ viewport: { width: 390, height: 844 } });
      const { page, faults } = watch(await context.newPage());
      await page.goto(`${origin}/docs`);
      await page.getByText("Nobody is signed in here.").waitFor();
      expect(await violationsOf(page)).toEqual([]);
      const key = page.getByLabel("API key");
      await key.fill(`wrong-${SECRET}`);
      await page.keyboard.press("Enter");
      await page.getByText("The API key is not known").waitFor();
      await key.fill(SECRET);
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: FIRST!.summary }).first().waitFor({ timeout: 60_000 });
      expect(await page.locator("#ask").isVisible()).toBe(false);
      expect(page.url()).toBe(`${origin}/docs`);
      const kept = await page.evaluate(() => [{ ...localStorage }, { ...sessionStorage }, document.cookie]);
      expect(JSON.stringify(kept)).not.toContain(SECRET);
      expect(faults).toEqual([]);
    },
    TIME_OUT_MS,
  );
});
