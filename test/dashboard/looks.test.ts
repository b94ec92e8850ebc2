/** Pictures of every page and dialog, to look at: `npm run dashboard:looks`. They are left in .looks, and judged by people. */
import { mkdirSync } from "node:fs";
import { expect, it } from "vitest";
import { SECRET } from "../support/http/http.ts";
import { type Browser, hasBrowser, launch, type Page, signedIn } from "./support/browser.ts";
import { emptyShop, incident, shop } from "./support/fixture.ts";
import { serve } from "./support/server.ts";

const FOLDER = process.env["FORGEQ_LOOKS"] ?? "";
/** Only these kinds, where they are named: full, empty, failing, incident. */
const KINDS = process.env["FORGEQ_LOOKS_OF"]?.split(",") ?? ["full", "empty", "failing", "incident"];
const WIDTHS = (process.env["FORGEQ_LOOKS_AT"] ?? "1440,1024,768,390,320").split(",").map(Number);
const TALLEST = 2_400;

const PAGES: Readonly<Record<string, string>> = {
  overview: "",
  jobs: "?page=jobs",
  failures: "?page=failures",
  dead: "?page=dead",
  queues: "?page=queues",
  queue: "?page=queues&queue=webhooks",
  schedules: "?page=schedules",
  running: "?page=running",
  settings: "?page=settings",
};

/** What opens a dialog on a page. */
const press = (name: string | RegExp) => (page: Page) => page.getByRole("button", { name }).first().click();

const dialogsOf = (job: string): Readonly<Record<string, readonly [string, ((page: Page) => Promise<void>)?]>> => ({
  job: [`?page=jobs&job=${job}`],
  "job-clone": [`?page=jobs&job=${job}`, press("Clone")],
  bulk: ["?page=dead", press(/^Retry the dead/)],
  pause: ["?page=queues", press("Pause webhooks")],
  limits: ["?page=queues", press("Limits of webhooks")],
  "new-schedule": ["?page=schedules", press("New schedule")],
  schedule: ["?page=schedules&schedule=nightly"],
  "new-key": ["?page=settings", press("New key")],
  keys: ["?page=settings", (page) => page.keyboard.press("?")],
});

const refuse = async (page: Page): Promise<void> => {
  await page.route(/:\d+\/(overview|jobs|errors|queues|stats|schedules|leases|workers|keys)/, (route) =>
    route.fulfill({
      status: 503,
      contentType: "application/problem+json",
      json: { code: "database_unavailable", detail: "The database did not answer" },
    }),
  );
};

const look = async (browser: Browser, origin: string, kind: string, job: string | null): Promise<void> => {
  for (const width of WIDTHS)
    for (const colorScheme of ["light", "dark"] as const) {
      if (width !== 1440 && width !== 390 && colorScheme === "dark") continue;
      const context = await signedIn(browser, origin, {
        viewport: { width, height: width > 700 ? 900 : 844 },
        colorScheme,
      });
      const take = async (name: string, address: string, opens?: (page: Page) => Promise<void>): Promise<void> => {
        const page = await context.newPage();
        if (kind === "failing") await refuse(page);
        await page.goto(`${origin}/dashboard${address}`);
        await page.locator("main .card, [role=alert], main .empty").first().waitFor();
        await page.waitForLoadState("networkidle");
        await opens?.(page);
        await page.waitForTimeout(200);
        const dialog = (await page.locator("dialog[open]").count()) > 0;
        const height = Math.min(TALLEST, await page.evaluate(() => document.documentElement.scrollHeight));
        await page.screenshot({
          path: `${FOLDER}/${kind}-${name}-${width}-${colorScheme}.png`,
          ...(!dialog && { fullPage: true, clip: { x: 0, y: 0, width, height } }),
        });
        await page.close();
      };
      for (const [name, address] of Object.entries(PAGES)) await take(name, address);
      if (job !== null)
        for (const [name, [address, opens]] of Object.entries(dialogsOf(job))) await take(name, address, opens);
      await context.close();
    }
};

it.skipIf(!hasBrowser || FOLDER === "")(
  "the dashboard is looked at",
  async () => {
    mkdirSync(FOLDER, { recursive: true });
    const browser = await launch();
    for (const kind of KINDS) {
      const made = await { full: () => shop(4_000, true), incident, empty: emptyShop, failing: emptyShop }[
        kind as "full"
      ]();
      const { origin } = await serve(made.url);
      const ask = (path: string, body: object) =>
        fetch(`${origin}/${path}`, {
          method: "POST",
          headers: { authorization: `Bearer ${SECRET}`, "content-type": "application/json" },
          body: JSON.stringify(body),
        });
      let job: string | null = null;
      if (kind === "full") {
        const payload = { email: "ada@example.com" };
        for (const [name, cron] of [
          ["nightly", "0 3 * * *"],
          ["every-five-minutes", "*/5 * * * *"],
        ])
          await ask("schedules", { name, cron, timezone: "Europe/Berlin", type: "send_email", payload });
        await ask("queues/crawl/pause", { reason: "the shop asked us to wait until its sale is over" });
        await ask("keys", { label: "web shop", scopes: ["jobs:write", "jobs:read"], types: ["charge_card"] });
        const [dead] = await made.db.query<{ id: string }>(
          "select id from forgeq.job_history where state = 'dead' and type = 'deliver_webhook' order by id desc limit 1",
        );
        job = dead!.id;
        await ask(`jobs/${job}/retry`, { life: 1 });
      }
      await look(browser, origin, kind, job);
    }
    await browser.close();
    expect(KINDS.length).toBeGreaterThan(0);
  },
  1_800_000,
);
