/**
 * A dashboard that nobody looks at, or that shows a database which sleeps, asks for nothing. The page's time stands still but for what a test moves it, and
 * it moves on only when every question was answered, so that nothing depends on how fast the machine is.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SECRET } from "../support/http/http.ts";
import { setup } from "../support/queue.ts";
import { type Browser, type BrowserContext, hasBrowser, launch, signedIn, watch } from "./support/browser.ts";
import { serve } from "./support/server.ts";

const TIME_OUT_MS = 240_000;
const PATIENCE = { timeout: 60_000, interval: 5 };
const SECOND = 1_000;
const MINUTE = 60 * SECOND;

interface Counted {
  asked: number;
  answered: number;
}

/** Counts the page's questions: one is answered when all that follows from its answer is done. Runs in the page, before anything else there. */
const countQuestions = (): void => {
  const counted: Counted = { asked: 0, answered: 0 };
  Object.assign(globalThis, { counted });
  const send = globalThis.fetch;
  const later = () =>
    new Promise<void>((done) => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => done();
      port2.postMessage(null);
    });
  globalThis.fetch = (...args) => {
    counted.asked += 1;
    const whole = send(...args).then(
      async (response) => new Response(response.status === 204 ? null : await response.text(), response),
    );
    const end = () =>
      void later()
        .then(later)
        .then(() => (counted.answered += 1));
    whole.then(end, end);
    return whole;
  };
};

describe.skipIf(!hasBrowser)("a dashboard", () => {
  let browser: Browser;
  beforeAll(async () => void (browser = await launch()));
  afterAll(() => browser.close());

  /** The dashboard of an empty queue; the page's clock is the test's. */
  const opened = async (wake: "armed" | "always") => {
    const { url, db } = await setup({ realClock: true });
    const { origin } = await serve(url, { FORGEQ_WAKE: wake });
    const context: BrowserContext = await signedIn(browser, origin);
    const { page } = watch(await context.newPage());
    const start = Date.now();
    await page.clock.install({ time: start });
    await page.clock.pauseAt(start + SECOND);
    await page.addInitScript(countQuestions);
    await page.goto(`${origin}/dashboard`);
    // Effects of the page wait for its next frame.
    const shown = async (): Promise<number> => {
      await page.clock.runFor(100);
      return page.locator(".tiles").count();
    };
    await expect.poll(shown, PATIENCE).toBe(1);
    const status = page.locator(".live [role=status]");
    const counted = () => page.evaluate(() => ({ ...(globalThis as unknown as { counted: Counted }).counted }));
    /** How many questions there were, once all are answered. */
    const settled = async (): Promise<number> => {
      await expect
        .poll(async () => {
          const { asked, answered } = await counted();
          return asked - answered;
        }, PATIENCE)
        .toBe(0);
      return (await counted()).asked;
    };
    /** How often the API was asked while so much time went by. */
    const asked = async (ms: number): Promise<number> => {
      const before = await settled();
      for (let gone = 0; gone < ms; gone += SECOND) {
        await page.clock.runFor(SECOND);
        await settled();
      }
      return (await settled()) - before;
    };
    return { page, origin, context, status, asked, settled, db };
  };

  it(
    "asks ever more rarely, and then for nothing, while the database of an armed queue sleeps",
    async () => {
      const { page, status, asked, db, origin } = await opened("armed");
      expect(await asked(10 * SECOND)).toBeGreaterThanOrEqual(3);
      const [early, late] = [await asked(20 * SECOND), await asked(20 * SECOND)];
      expect(late).toBeLessThan(early);
      await asked(80 * SECOND);
      expect(await status.textContent()).toBe("Asleep");
      const [{ now }] = (await db.query<{ now: Date }>("select clock_timestamp() as now")) as [{ now: Date }];
      expect(await asked(2 * MINUTE)).toBe(0);
      // Nobody without a key reaches the database either.
      await Promise.all(
        Array.from({ length: 50 }, (_, n) =>
          Promise.all([
            fetch(`${origin}/health`),
            fetch(`${origin}/dashboard`),
            fetch(`${origin}/session`, { headers: { cookie: `forgeq=forged${n}`, "x-forgeq-dashboard": "1" } }),
            fetch(`${origin}/overview`, { headers: { authorization: `Bearer fq_${SECRET}${n}` } }),
          ]),
        ),
      );
      const statements = await db.query(
        `select query from pg_stat_activity where datname = current_database() and backend_type = 'client backend'
         and query_start > $1 and query not like '%pg_stat_activity%' and query not like '%clock_timestamp() as now%'`,
        [now],
      );
      expect(statements).toEqual([]);
      await page.keyboard.press("r");
      await expect.poll(() => status.textContent(), PATIENCE).toBe("Live");
    },
    TIME_OUT_MS,
  );

  it(
    "goes on asking a queue that is never asleep",
    async () => {
      const { status, asked } = await opened("always");
      await asked(2 * MINUTE);
      expect(await status.textContent()).toBe("Live");
      expect(await asked(MINUTE)).toBeGreaterThan(0);
    },
    TIME_OUT_MS,
  );

  it(
    "asks for nothing while it is hidden, and immediately when it is shown again",
    async () => {
      const { page, status, asked, settled } = await opened("always");
      const show = (hidden: boolean) =>
        page.evaluate((value) => {
          Object.defineProperty(document, "hidden", { value, configurable: true });
          document.dispatchEvent(new Event("visibilitychange"));
        }, hidden);
      await show(true);
      expect(await asked(MINUTE)).toBe(0);
      expect(await status.textContent()).toBe("Paused while hidden");
      const before = await settled();
      await show(false);
      expect(await settled()).toBe(before + 1);
      expect(await status.textContent()).toBe("Live");
    },
    TIME_OUT_MS,
  );

  it(
    "asks for nothing when nobody has touched it for five minutes, until somebody does",
    async () => {
      const { page, status, asked } = await opened("always");
      await asked(5 * MINUTE + 20 * SECOND);
      expect(await status.textContent()).toBe("Paused: nobody is here");
      expect(await asked(2 * MINUTE)).toBe(0);
      await page.mouse.move(200, 200);
      await expect.poll(() => status.textContent(), PATIENCE).toBe("Live");
    },
    TIME_OUT_MS,
  );

  it(
    "pauses and goes on by p",
    async () => {
      const { page, status, asked } = await opened("always");
      await page.keyboard.press("p");
      expect(await status.textContent()).toBe("Paused");
      expect(await asked(MINUTE)).toBe(0);
      await page.keyboard.press("p");
      await expect.poll(() => status.textContent(), PATIENCE).toBe("Live");
    },
    TIME_OUT_MS,
  );
});
