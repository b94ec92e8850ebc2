/** What a first view costs, from the bytes that came to the browser. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Browser, hasBrowser, launch, signedIn } from "./support/browser.ts";
import { shop } from "./support/fixture.ts";
import { serve } from "./support/server.ts";

const SCRIPTS = 30 * 1024;
const EVERYTHING = 40 * 1024;

describe.skipIf(!hasBrowser)("a first view", () => {
  let browser: Browser;
  beforeAll(async () => void (browser = await launch()));
  afterAll(() => browser.close());

  it("comes in at most 30 KB of scripts and 40 KB of files, from one host, and asks the API two questions at most", async () => {
    const { url } = await shop(400);
    const { origin } = await serve(url);
    const context = await signedIn(browser, origin);
    const page = await context.newPage();
    const files: { url: URL; bytes: number }[] = [];
    page.on("requestfinished", (request) => {
      void request
        .sizes()
        .then(({ responseBodySize }) => files.push({ url: new URL(request.url()), bytes: responseBodySize }));
    });
    await page.goto(`${origin}/dashboard`);
    await page.locator(".tiles").waitFor();
    await page.waitForLoadState("networkidle");
    const sum = (wanted: (path: string) => boolean): number =>
      files.filter((file) => wanted(file.url.pathname)).reduce((bytes, file) => bytes + file.bytes, 0);
    expect(sum((path) => path.endsWith(".js"))).toBeGreaterThan(10 * 1024);
    expect(sum((path) => path.endsWith(".js"))).toBeLessThanOrEqual(SCRIPTS);
    expect(sum((path) => path.startsWith("/dashboard"))).toBeLessThanOrEqual(EVERYTHING);
    expect(new Set(files.map((file) => file.url.origin))).toEqual(new Set([origin]));
    const asked = files.map((file) => file.url.pathname).filter((path) => !path.startsWith("/dashboard"));
    expect(new Set(asked)).toEqual(new Set(["/session", "/overview"]));
  }, 60_000);
});
