/** A thousand dead jobs are retried from the page: looked at first, stopped half-way, gone on with, and no job twice. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fillHistory } from "../support/database/fill.ts";
import { setup } from "../support/queue.ts";
import { type Browser, hasBrowser, launch, open, signedIn } from "./support/browser.ts";
import { serve } from "./support/server.ts";

const ROWS = 150_000;
/** Three of 200 are dead, three fifths of them of this type. */
const DEAD = (ROWS / 200) * 2;

describe.skipIf(!hasBrowser)("a bulk action", () => {
  let browser: Browser;
  beforeAll(async () => void (browser = await launch()));
  afterAll(() => browser.close());

  it("is previewed, typed, stopped and gone on with; what was lost on the way is sent again, and nothing happens twice", async () => {
    const { db, url } = await setup({ realClock: true });
    await fillHistory(db, ROWS, 6);
    const { origin } = await serve(url);
    const context = await signedIn(browser, origin);
    const { page, faults } = await open(context, origin, "?page=dead");
    const row = page.locator("tbody tr", { hasText: "send_email" });
    const lives = async () => {
      const [counted] = await db.query<{ jobs: number; lives: number }>(
        "select count(*)::int as lives, count(distinct id)::int as jobs from forgeq.job where life > 1",
      );
      return counted!;
    };
    // The answers of some slices are lost after the server has done them.
    let slices = 0;
    let stopAt = 2;
    await page.route(/:\d+\/jobs\/bulk/, async (route) => {
      const isDry = route.request().postData()?.includes("dry_run") === true;
      const answer = await route.fetch();
      if (isDry) return route.fulfill({ response: answer });
      slices += 1;
      if (slices === stopAt) await page.getByRole("button", { name: "Stop" }).click();
      if (slices % 3 === 0) return route.abort("connectionreset");
      return route.fulfill({ response: answer }).catch(() => undefined);
    });
    const start = async (): Promise<number> => {
      await row.getByRole("button", { name: /^Retry/ }).click();
      const typed = page.getByLabel(/^Type \d+ to go on/);
      const go = page.getByRole("button", { name: /^Retry [\d,]+ jobs?$/ });
      await go.waitFor();
      const matched = Number((await go.textContent())!.replaceAll(/\D/g, ""));
      if (matched > 1_000) {
        expect(await go.isDisabled()).toBe(true);
        await typed.fill(String(matched));
      }
      await go.click();
      return matched;
    };
    expect(await start()).toBe(DEAD);
    await page.getByText("Stopped.").waitFor();
    const half = (await lives()).jobs;
    expect(half).toBeGreaterThan(0);
    expect(half).toBeLessThan(DEAD);
    await page.getByRole("dialog").getByRole("button", { name: "Close" }).last().click();
    stopAt = Infinity;
    expect(await start()).toBe(DEAD - half);
    await page.getByText(/jobs? retried\./).waitFor({ timeout: 60_000 });
    expect(await lives()).toEqual({ jobs: DEAD, lives: DEAD });
    expect(faults).toEqual([]);
  }, 240_000);
});
