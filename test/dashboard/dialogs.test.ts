/** Every dialog, open: without a violation of WCAG, no wider than its window, and its focus inside. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SECRET } from "../support/http/http.ts";
import {
  type Browser,
  hasBrowser,
  launch,
  open,
  type Page,
  signedIn,
  tooWide,
  violationsOf,
} from "./support/browser.ts";
import { shop } from "./support/fixture.ts";
import { serve } from "./support/server.ts";

const TIME_OUT_MS = 300_000;

const press = (name: string | RegExp) => (page: Page) => page.getByRole("button", { name }).first().click();

/** A dialog: its page, and what opens it there. */
interface Opened {
  readonly name: string;
  readonly address: string;
  readonly open?: (page: Page) => Promise<void>;
}

const dialogsOf = (dead: string, scheduled: string): readonly Opened[] => [
  { name: "keys of the keyboard", address: "?page=settings", open: (page) => page.keyboard.press("?") },
  { name: "a new key", address: "?page=settings", open: press("New key") },
  { name: "a job", address: `?page=jobs&job=${dead}` },
  { name: "a retry with another payload", address: `?page=jobs&job=${dead}`, open: press(/another payload/) },
  { name: "a clone", address: `?page=jobs&job=${dead}`, open: press("Clone") },
  { name: "a deletion", address: `?page=jobs&job=${dead}`, open: press("Delete") },
  { name: "a job that waits", address: `?page=jobs&job=${scheduled}`, open: press("Reschedule") },
  { name: "a bulk action", address: "?page=dead", open: press(/^Retry the dead/) },
  { name: "a pause", address: "?page=queues&queue=webhooks", open: press("Pause webhooks") },
  { name: "limits", address: "?page=queues&queue=webhooks", open: press("Limits of webhooks") },
  { name: "a new schedule", address: "?page=schedules", open: press("New schedule") },
  { name: "a schedule", address: "?page=schedules&schedule=nightly" },
];

const LOOKS = [
  { width: 320, colorScheme: "light" },
  { width: 1440, colorScheme: "dark" },
  { width: 390, colorScheme: "light", forcedColors: "active" },
] as const;

describe.skipIf(!hasBrowser)("the dashboard's dialogs", () => {
  let browser: Browser;
  beforeAll(async () => void (browser = await launch()));
  afterAll(() => browser.close());

  it.each(LOOKS)(
    "are for everybody, at $width px, $colorScheme",
    async ({ width, ...scheme }) => {
      const { url, db } = await shop(400);
      const { origin } = await serve(url);
      const made = await fetch(`${origin}/schedules`, {
        method: "POST",
        headers: { authorization: `Bearer ${SECRET}`, "content-type": "application/json" },
        body: JSON.stringify({
          name: "nightly",
          cron: "0 3 * * *",
          type: "send_email",
          payload: { email: "a@b.example" },
        }),
      });
      expect([made.status, await made.text()]).toEqual([201, expect.anything()]);
      const [{ dead, scheduled }] = (await db.query<{ dead: string; scheduled: string }>(
        `select (select id from forgeq.job_history where state = 'dead' and type = 'deliver_webhook' order by id desc limit 1) as dead,
          (select id from forgeq.job where run_at > now() + interval '10 minutes' and claim_id is null order by id limit 1) as scheduled`,
      )) as [{ dead: string; scheduled: string }];
      const context = await signedIn(browser, origin, { viewport: { width, height: 900 }, ...scheme });
      for (const { name, address, open: opens } of dialogsOf(dead, scheduled)) {
        const { page, faults } = await open(context, origin, address);
        await page.locator("main .card, dialog .facts").first().waitFor();
        await opens?.(page);
        const dialog = page.locator("dialog[open]");
        await dialog.locator("article > :nth-child(2)").first().waitFor();
        await page.waitForLoadState("networkidle");
        const inside = await dialog.evaluate((node) => node.contains(document.activeElement));
        const seen = { violations: await violationsOf(page), tooWide: await tooWide(page), faults, inside };
        expect({ name, width, ...scheme, ...seen }).toEqual({
          ...{ name, width, ...scheme, violations: [], tooWide: 0, faults: [], inside: true },
        });
        await page.close();
      }
      await context.close();
    },
    TIME_OUT_MS,
  );
});
