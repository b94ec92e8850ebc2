/** Nothing that a job holds runs, and no other page reads or writes with somebody's session. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { SECRET } from "../support/http/http.ts";
import { type Browser, hasBrowser, launch, open, signedIn, tooWide } from "./support/browser.ts";
import { shop } from "./support/fixture.ts";
import { serve } from "./support/server.ts";

const TIME_OUT_MS = 120_000;
const MARKUP = '"><img src=x onerror=alert(1)><script>alert(2)</script>';
const CANARIES = {
  markup: MARKUP,
  link: "javascript:alert(3)",
  bidi: "\u202eevil\u2066",
  long: "w".repeat(100_000),
  ["__proto__"]: { polluted: true },
  nested: [[["<svg onload=alert(4)>"]]],
};
const PAYLOAD = JSON.stringify(CANARIES).replace('"nested"', '"__proto__":{"polluted":true},"nested"');

describe.skipIf(!hasBrowser)("the dashboard", () => {
  let browser: Browser;
  beforeAll(async () => void (browser = await launch()));
  afterAll(() => browser.close());

  it(
    "shows what jobs hold as text, however it looks",
    async () => {
      const { url, queue, db } = await shop(200);
      const { origin } = await serve(url);
      const [id = ""] = await queue.enqueue(1, { payload: {}, uniqueKey: MARKUP, metadata: { [MARKUP]: MARKUP } });
      await db.query("update forgeq.job set payload = $2::json where id = $1", [id, PAYLOAD]);
      const held = await queue.lease();
      const error = { name: MARKUP, message: CANARIES.link + CANARIES.bidi, stack: MARKUP };
      await queue.settle(held, "dead", { error });
      const context = await signedIn(browser, origin, { viewport: { width: 390, height: 844 } });
      for (const address of [
        `?page=jobs&job=${id}`,
        "?page=jobs&q=type:plain",
        "?page=failures",
        "?page=dead",
        "?page=overview",
      ]) {
        const { page, faults } = await open(context, origin, address);
        await page
          .locator(address.includes("job=") ? ".timeline" : "main .card")
          .first()
          .waitFor();
        await page
          .locator(address.includes("job=") ? ".json" : ".top")
          .first()
          .waitFor();
        expect([address, faults, await tooWide(page)]).toEqual([address, [], 0]);
        expect(await page.locator("main img, dialog img, main script").count()).toBe(0);
        expect(await page.evaluate(() => (({}) as { polluted?: boolean }).polluted)).toBeUndefined();
        const targets = await page
          .locator("a")
          .evaluateAll((all) => all.map((link) => link.getAttribute("href") ?? ""));
        expect(targets.filter((target) => !/^[?#]/.test(target))).toEqual([]);
        await page.close();
      }
    },
    TIME_OUT_MS,
  );

  it(
    "gives another origin nothing, and keeps the key where no script finds it",
    async () => {
      const { url, db } = await shop(200);
      const { origin } = await serve(url);
      const context = await signedIn(browser, origin);
      const { page, requests } = await open(context, origin);
      await page.locator(".tiles").waitFor();
      const kept = await page.evaluate(() =>
        JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href]),
      );
      expect(kept).not.toContain(SECRET);
      expect(requests.filter((request) => request.url.href.includes(SECRET))).toEqual([]);
      expect(requests.filter((request) => request.url.origin !== origin)).toEqual([]);

      const other = createServer((_, response) =>
        response.setHeader("content-type", "text/html").end("<p>another page</p>"),
      );
      await new Promise<void>((listening) => other.listen(0, "127.0.0.1", listening));
      onTestFinished(() => void other.close());
      const stranger = await context.newPage();
      await stranger.goto(`http://127.0.0.1:${(other.address() as AddressInfo).port}/`);
      const [{ id }] = (await db.query<{ id: string }>(
        "select id from forgeq.job_history where state = 'dead' limit 1",
      )) as [{ id: string }];
      const tried = await stranger.evaluate(
        async ([api, job]) => {
          const attempts: [string, RequestInit][] = [
            ["jobs", { credentials: "include" }],
            ["jobs", { credentials: "include", headers: { "x-forgeq-dashboard": "1" } }],
            [`jobs/${job}/retry`, { method: "POST", credentials: "include", mode: "no-cors" }],
            [`jobs/${job}/retry`, { method: "POST", credentials: "include", headers: { "x-forgeq-dashboard": "1" } }],
          ];
          const outcomes = attempts.map(([path, init]) =>
            fetch(`${api}/${path}`, init).then(
              async (answer) => `${answer.type} ${answer.status} ${(await answer.text()).length}`,
              () => "kept out",
            ),
          );
          return Promise.all(outcomes);
        },
        [origin, id] as const,
      );
      expect(tried).toEqual(["kept out", "kept out", "opaque 0 0", "kept out"]);
      const [{ n }] = (await db.query<{ n: number }>("select count(*)::int as n from forgeq.job where id = $1", [
        id,
      ])) as [{ n: number }];
      expect(n).toBe(0);
      const framed = await stranger.evaluate(
        (api) =>
          new Promise<string>((done) => {
            const frame = document.createElement("iframe");
            frame.src = `${api}/dashboard`;
            frame.onload = () => {
              try {
                done(frame.contentDocument === null ? "unreadable" : frame.contentDocument.title);
              } catch {
                done("unreadable");
              }
            };
            document.body.append(frame);
          }),
        origin,
      );
      expect(framed).toBe("unreadable");
    },
    TIME_OUT_MS,
  );
});
