/** Makes the pictures of the docs: `npm run docs:screenshots`. */
import { mkdirSync } from "node:fs";
import { expect, it } from "vitest";
import { hasBrowser, launch, open, signedIn } from "./support/browser.ts";
import { shop } from "./support/fixture.ts";
import { serve } from "./support/server.ts";

const FOLDER = "docs/dashboard";
const WINDOW = { width: 1280, height: 800 };

interface Picture {
  readonly name: string;
  readonly address: string;
  /** What has to be there before it is taken. */
  readonly there: string;
  readonly colorScheme: "light" | "dark";
  readonly viewport?: { readonly width: number; readonly height: number };
}

it.skipIf(!hasBrowser || process.env["FORGEQ_SCREENSHOTS"] === undefined)(
  "the pictures of the docs are made",
  async () => {
    mkdirSync(FOLDER, { recursive: true });
    const { url, db } = await shop(20_000, true);
    const { origin } = await serve(url);
    const browser = await launch();
    const [dead] = await db.query<{ id: string }>(
      "select id from forgeq.job_history where state = 'dead' and type = 'deliver_webhook' order by id desc limit 1",
    );
    const pictures: readonly Picture[] = [
      { name: "overview", address: "", there: ".chart", colorScheme: "light" },
      { name: "overview-dark", address: "", there: ".chart", colorScheme: "dark" },
      { name: "jobs", address: "?page=jobs", there: "table.jobs", colorScheme: "light" },
      { name: "job", address: `?page=jobs&job=${dead!.id}`, there: ".timeline", colorScheme: "light" },
      { name: "dead", address: "?page=dead", there: ".error-group", colorScheme: "light" },
      { name: "queues", address: "?page=queues", there: "th a", colorScheme: "light" },
      { name: "phone", address: "", there: ".chart", colorScheme: "dark", viewport: { width: 390, height: 844 } },
    ];
    for (const { name, address, there, viewport = WINDOW, colorScheme } of pictures) {
      const context = await signedIn(browser, origin, { viewport, colorScheme });
      const { page, faults } = await open(context, origin, address);
      await page.locator(there).first().waitFor();
      await page.waitForLoadState("networkidle");
      await page.screenshot({ path: `${FOLDER}/${name}.png` });
      expect(faults).toEqual([]);
      await context.close();
    }
    await browser.close();
  },
  180_000,
);
