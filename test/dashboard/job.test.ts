/** What the panel of a job has, and what the list says of how many there are. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Browser, hasBrowser, launch, open, signedIn, tooWide, violationsOf } from "./support/browser.ts";
import { run, shop } from "./support/fixture.ts";
import { serve } from "./support/server.ts";

const TIME_OUT_MS = 120_000;

describe.skipIf(!hasBrowser)("the panel of a job", () => {
  let browser: Browser;
  beforeAll(async () => void (browser = await launch()));
  afterAll(() => browser.close());

  it(
    "leads to the logs of the job where the operator said they are, whatever the job is called",
    async () => {
      const { url, db } = await shop(200);
      const FORGEQ_LOG_URL = "https://logs.example.com/find?q={job_id}&type={type}&from={from_ms}&to={to_ms}&x={other}";
      const { origin } = await serve(url, { FORGEQ_LOG_URL });
      const [job] = await db.query<{ id: string; finished: number }>(
        `select id, extract(epoch from date_trunc('milliseconds', finished_at)) * 1000 as finished from forgeq.job_history
         where state = 'dead' and type = 'deliver_webhook' order by id desc limit 1`,
      );
      const { page, faults } = await open(await signedIn(browser, origin), origin, `?page=jobs&job=${job!.id}`);
      const link = page.getByRole("link", { name: "Logs" });
      await link.waitFor();
      const address = new URL((await link.getAttribute("href"))!);
      expect(address.origin + address.pathname).toBe("https://logs.example.com/find");
      expect(Object.fromEntries(address.searchParams)).toMatchObject({
        ...{ q: job!.id, type: "deliver_webhook", x: "{other}", to: String(Number(job!.finished) + 60_000) },
      });
      expect(await link.getAttribute("rel")).toBe("noopener noreferrer");
      expect(faults).toEqual([]);
    },
    TIME_OUT_MS,
  );

  it(
    "shows the lease that a job runs in",
    async () => {
      const { url, db } = await shop(200);
      const { origin } = await serve(url);
      const [lease] = await db.query<{ id: string }>(
        "select job_ids[1] as id from forgeq.lease where began_at is not null limit 1",
      );
      const { page } = await open(await signedIn(browser, origin), origin, `?page=running&job=${lease!.id}`);
      const panel = page.getByRole("dialog");
      await panel.getByText("Lease expires").waitFor();
      expect(await panel.getByRole("link", { name: "Logs" }).count()).toBe(0);
    },
    TIME_OUT_MS,
  );

  it(
    "retries with another payload, in the next life of the job",
    async () => {
      const { url, db } = await shop(200);
      const { origin } = await serve(url);
      const [dead] = await db.query<{ id: string }>(
        "select id from forgeq.job_history where state = 'dead' and type = 'send_email' order by id desc limit 1",
      );
      const { page, faults } = await open(await signedIn(browser, origin), origin, `?page=dead&job=${dead!.id}`);
      const panel = page.getByRole("dialog");
      await panel.getByRole("button", { name: "Retry with another payload" }).click();
      const payload = panel.getByLabel("Payload of the next life");
      await payload.fill("{");
      await panel.getByRole("button", { name: "Retry with it" }).click();
      await panel.getByText(/This is not JSON/).waitFor();
      await payload.fill('{"email": "other@example.com"}');
      await panel.getByRole("button", { name: "Retry with it" }).click();
      await panel.getByText("by local: life 2").waitFor();
      const [row] = await db.query<{ life: number; payload: object }>(
        "select life::int as life, payload from forgeq.job where id = $1",
        [dead!.id],
      );
      expect(row).toEqual({ life: 2, payload: { email: "other@example.com" } });
      expect(faults).toEqual([]);
    },
    TIME_OUT_MS,
  );

  it(
    "cancels with a reason, and shows it",
    async () => {
      const { url, db } = await shop(200);
      const { origin } = await serve(url);
      const [waiting] = await db.query<{ id: string }>("select id from forgeq.job where claim_id is null limit 1");
      const { page, faults } = await open(await signedIn(browser, origin), origin, `?page=jobs&job=${waiting!.id}`);
      const panel = page.getByRole("dialog");
      await panel.getByRole("button", { name: "Cancel with a reason" }).click();
      await panel.getByLabel("Why the job is cancelled").fill("the customer has left");
      await panel.getByRole("button", { name: "Cancel the job" }).click();
      await panel.locator(".timeline").getByText("the customer has left").waitFor();
      expect(faults).toEqual([]);
    },
    TIME_OUT_MS,
  );

  it(
    "shows each earlier life with what it held, when it was retried and by whom, at an address of its own",
    async () => {
      const made = await shop(200);
      const { origin } = await serve(made.url);
      const error = (message: string) => ({
        name: "Declined",
        message,
        stack: "Declined: no\n    at pay (app.ts:1:1)",
      });
      const plan = { type: "charge_card", queue: "billing", jobs: 1, outcome: "dead" } as const;
      const [id = ""] = await run(made, { ...plan, error: () => error("the first time") });
      const context = await signedIn(browser, origin);
      const { page, faults, requests } = await open(context, origin, `?page=jobs&job=${id}`);
      const panel = page.getByRole("dialog");
      await panel.locator(".timeline").waitFor();
      expect(await panel.getByText("Earlier lives").count()).toBe(0);
      await panel.getByRole("button", { name: "Retry", exact: true }).click();
      const first = panel.locator(".lives li", { hasText: "Life 1" });
      await first.waitFor();
      expect(await first.textContent()).toMatch(
        /^Life 1dead.*after 1 attempt.*Declined the first time.*Retried now.* by local$/,
      );
      expect(await panel.locator(".timeline li").nth(1).textContent()).toMatch(/^Retried by hand by local: life 2/);

      await first.getByRole("link").click();
      await panel.getByText("Life 1 of this job, as it ended").waitFor();
      expect(new URL(page.url()).searchParams.get("life")).toBe("1");
      expect(await panel.locator(".timeline .error b").textContent()).toBe("Declined");
      expect(await panel.getByRole("button", { name: /^(Retry|Cancel|Clone|Delete)/ }).count()).toBe(0);
      // What has ended does not change: it is asked for once.
      const asked = () => requests.filter(({ url }) => url.search === "?life=1").length;
      await page.keyboard.press("Tab");
      const before = requests.length;
      await expect.poll(() => requests.length, { timeout: 15_000 }).toBeGreaterThan(before + 2);
      expect(asked()).toBe(1);

      await panel.getByRole("link", { name: "Show the newest life" }).click();
      await panel.getByRole("button", { name: "Cancel", exact: true }).waitFor();
      await page.goBack();
      await panel.getByText("Life 1 of this job, as it ended").waitFor();
      expect([await violationsOf(page), await tooWide(page)]).toEqual([[], 0]);

      const gone = await open(context, origin, `?page=jobs&job=${id}&life=7`);
      await gone.page.getByText("There is no life 7 of this job").waitFor();
      await gone.page.getByRole("link", { name: "Show the newest life" }).click();
      await gone.page.getByRole("button", { name: "Cancel", exact: true }).waitFor();
      expect(faults).toEqual([]);
    },
    TIME_OUT_MS,
  );

  it(
    "is found below a count of every state",
    async () => {
      const { url, db } = await shop(400);
      const { origin } = await serve(url);
      const { page } = await open(await signedIn(browser, origin), origin, "?page=jobs");
      const [counted] = await db.query<{ cancelled: number }>(
        "select count(*)::int as cancelled from forgeq.job_history where state = 'cancelled'",
      );
      const tab = (name: string) => page.locator(".tabs a", { hasText: name }).locator(".n");
      await tab("Cancelled").waitFor();
      expect(await tab("Cancelled").textContent()).toBe(String(counted!.cancelled));
      expect(await tab("Completed").textContent()).toBe("160");
      expect(await page.locator(".tabs .n").count()).toBe(7);
    },
    TIME_OUT_MS,
  );

  it(
    "is reached with a slash after the page's name, too",
    async () => {
      const { url } = await shop(200);
      const { origin } = await serve(url);
      const context = await signedIn(browser, origin);
      const page = await context.newPage();
      await page.goto(`${origin}/dashboard/?page=dead`);
      await page.locator(".error-group").first().waitFor();
      expect(page.url()).toBe(`${origin}/dashboard?page=dead`);
    },
    TIME_OUT_MS,
  );
});

describe.skipIf(!hasBrowser)("the settings", () => {
  let browser: Browser;
  beforeAll(async () => void (browser = await launch()));
  afterAll(() => browser.close());

  it(
    "make a key that is shown once, and end it",
    async () => {
      const { url, db } = await shop(200);
      const { origin } = await serve(url);
      const context = await signedIn(browser, origin);
      const { page, faults } = await open(context, origin, "?page=settings");
      await page.getByText("There are no keys in the database").waitFor();
      await page.getByRole("button", { name: "New key" }).click();
      await page.getByLabel(/^Label/).fill("web shop");
      await page.getByRole("checkbox", { name: /jobs:read/ }).check();
      await page.getByRole("button", { name: "Make the key" }).click();
      const key = (await page.locator(".made").textContent())!.trim();
      expect(key).toMatch(/^fq_/);
      const asked = await fetch(`${origin}/jobs`, { headers: { authorization: `Bearer ${key}` } });
      expect(asked.status).toBe(200);
      await page.getByRole("button", { name: "I have it" }).click();
      const row = page.locator("tbody tr", { hasText: "web shop" });
      await row.waitFor();
      expect(await page.locator("body").innerHTML()).not.toContain(key);
      expect(await row.textContent()).toContain("jobs:write, jobs:read");
      await row.getByRole("button", { name: "Revoke web shop" }).click();
      await row.getByRole("button", { name: "Revoke for good web shop" }).click();
      await row.getByText("revoked").waitFor();
      const [stored] = await db.query<{ revoked: boolean }>(
        "select revoked_at is not null as revoked from forgeq.api_key",
      );
      expect(stored).toEqual({ revoked: true });
      expect(faults).toEqual([]);
      // A session that only looks sees no keys.
      const looking = await signedIn(browser, origin, { readOnly: true });
      const other = await open(looking, origin, "?page=settings");
      await other.page.getByText("This session").waitFor();
      expect(await other.page.getByText("Keys").count()).toBe(0);
    },
    TIME_OUT_MS,
  );
});
