/** The dashboard under serverless-offline: it works as before `forgeq server`, and no route counts a session that is not its own page's. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { jobs } from "../../functions/registry.ts";
import { queues } from "../../functions/queues.ts";
import type { Db } from "../../lib/db/drivers/client.ts";
import { createApiKey, revokeApiKey } from "../../lib/db/reads/api-keys.ts";
import { SCOPES } from "../../lib/core/scopes.ts";
import type { Route } from "../../lib/http/router.ts";
import { sign } from "../../lib/http/session.ts";
import { mintKey } from "../../lib/http/stored-keys.ts";
import { syncDefinitions } from "../../lib/queue/manage/sync-definitions.ts";
import { startOffline } from "../support/cli/offline.ts";
import { createTestDatabase } from "../support/database/database.ts";
import { SECRET } from "../support/http/http.ts";
import { allRoutes, PAGE } from "../support/http/session.ts";
import { type Browser, hasBrowser, launch, open, signedIn, watch } from "./support/browser.ts";

const TIME_OUT_MS = 180_000;
const SIGNS = Buffer.alloc(32, 9);
const HOUR_MS = 3_600_000;
const READING: readonly string[] = ["jobs:read", "payloads:read", "metrics:read"];

const setup = async () => {
  const { db, url: databaseUrl } = await createTestDatabase();
  await syncDefinitions(db, jobs, queues);
  const { url } = await startOffline(databaseUrl, SECRET, { FORGEQ_SECRET: SIGNS.toString("base64url") });
  return { db, origin: url };
};

/** Cookies of keys of the database, each for a reason of its own. */
const cookiesOf = async (db: Db) => {
  const key = async (revoked = false) => {
    const { key: _, ...minted } = mintKey(SIGNS);
    const more = { types: null, queues: null, label: "a test", createdBy: "test", days: null };
    await createApiKey(db, { ...minted, scopes: [...SCOPES], ...more });
    if (revoked) await revokeApiKey(db, minted.id);
    return { ...minted, scopes: SCOPES };
  };
  const [own, revoked, replaced] = [await key(), await key(true), await key()];
  const whole = sign(SIGNS, own);
  const [body = "", mac = ""] = whole.split(".");
  return {
    whole,
    readOnly: sign(SIGNS, own, { readOnly: true }),
    tampered: `${body}.${mac.startsWith("A") ? "B" : "A"}${mac.slice(1)}`,
    expired: sign(SIGNS, own, { now: new Date(Date.now() - 12 * HOUR_MS - 1_000) }),
    revoked: sign(SIGNS, revoked),
    replaced: sign(SIGNS, { ...replaced, sha256: mintKey(SIGNS).sha256 }),
  };
};

type Cookies = Awaited<ReturnType<typeof cookiesOf>>;

/** What is sent, and what every route that needs a key answers. */
const REFUSED: Readonly<Record<string, readonly [(cookies: Cookies) => Record<string, string>, number]>> = {
  "no cookie": [() => PAGE, 401],
  "a cookie without the header": [({ whole }) => ({ "sec-fetch-site": "same-origin", cookie: whole }), 403],
  "the same site": [({ whole }) => ({ ...PAGE, "sec-fetch-site": "same-site", cookie: whole }), 403],
  "another site": [({ whole }) => ({ ...PAGE, "sec-fetch-site": "cross-site", cookie: whole }), 403],
  "a tampered cookie": [({ tampered }) => ({ ...PAGE, cookie: tampered }), 401],
  "a session that has expired": [({ expired }) => ({ ...PAGE, cookie: expired }), 401],
  "a session of a revoked key": [({ revoked }) => ({ ...PAGE, cookie: revoked }), 401],
  "a session of a key that was replaced": [({ replaced }) => ({ ...PAGE, cookie: replaced }), 401],
};

/** Sends a request as a browser would, with the cookie under its name. */
const sender =
  (origin: string) =>
  async ({ method, path }: Route, headers: Record<string, string>): Promise<number> => {
    const address = path.replace("{id}", "019ab000-0000-7000-8000-000000000001").replaceAll(/\{\w+\}/g, "emails");
    const hasBody = method === "POST" || method === "PUT";
    const { cookie, ...others } = headers;
    const answer = await fetch(`${origin}${address}`, {
      method,
      headers: {
        ...others,
        ...(cookie !== undefined && { cookie: `forgeq=${cookie}` }),
        ...(hasBody && { "content-type": "application/json" }),
      },
      ...(hasBody && { body: "{}" }),
    });
    await answer.arrayBuffer();
    return answer.status;
  };

const nameOf = ({ method, path }: Route): string => `${method} ${path}`;

it(
  "no route under serverless-offline takes a session that is not whole, not its page's, or not allowed",
  async () => {
    const { db, origin } = await setup();
    const send = sender(origin);
    const cookies = await cookiesOf(db);
    const guarded = allRoutes().filter(({ scopes, anyKey }) => scopes.length > 0 || anyKey === true);
    expect(guarded.length).toBeGreaterThan(30);
    const cells: [string, string, number][] = [];
    const wanted: [string, string, number][] = [];
    for (const [what, [headersOf, status]] of Object.entries(REFUSED))
      for (const route of guarded) {
        cells.push([what, nameOf(route), await send(route, headersOf(cookies))]);
        wanted.push([what, nameOf(route), status]);
      }
    expect(cells).toEqual(wanted);

    // Somebody who only looks reads what there is to read, and changes nothing.
    const looks = async (route: Route) => (await send(route, { ...PAGE, cookie: cookies.readOnly })) === 403;
    for (const route of guarded) {
      const may = route.scopes.every((scope) => READING.includes(scope));
      expect([nameOf(route), await looks(route)]).toEqual([nameOf(route), !may]);
    }
    // The same requests are let in with a whole session: a refusal was not for another reason.
    const lists = guarded.filter(({ method, path }) => method === "GET" && !path.includes("{"));
    for (const route of lists)
      expect([nameOf(route), await send(route, { ...PAGE, cookie: cookies.whole })]).toEqual([nameOf(route), 200]);
    expect(await db.query("select from forgeq.job")).toEqual([]);
  },
  TIME_OUT_MS,
);

describe.skipIf(!hasBrowser)("the dashboard under serverless-offline", () => {
  let browser: Browser;
  beforeAll(async () => void (browser = await launch()));
  afterAll(() => browser?.close());

  it(
    "signs in, shows a job, cancels it, and gives a page on another port nothing",
    { timeout: TIME_OUT_MS },
    async () => {
      const { db, origin } = await setup();
      const made = await fetch(`${origin}/jobs`, {
        method: "POST",
        headers: { authorization: `Bearer ${SECRET}`, "content-type": "application/json" },
        body: JSON.stringify({ type: "send_email", payload: { email: "a@b.example" }, delay_seconds: 900 }),
      });
      const { id } = (await made.json()) as { readonly id: string };
      const { page, faults, requests } = watch(await (await browser.newContext()).newPage());
      await page.goto(`${origin}/dashboard?page=jobs`);
      await page.locator("#key").fill(SECRET);
      await page.keyboard.press("Enter");
      await page.locator(`[data-row="${id}"]`).waitFor();
      const cookies = await page.context().cookies();
      expect(cookies).toMatchObject([{ name: "forgeq", httpOnly: true, sameSite: "Strict" }]);
      await page.locator(`[data-row="${id}"] a`).click();
      const panel = page.getByRole("dialog");
      await panel.getByRole("button", { name: "Cancel", exact: true }).click();
      await panel.locator(".state.cancelled").waitFor();
      expect(await db.query("select state::text from forgeq.job_history")).toEqual([{ state: "cancelled" }]);
      await page.keyboard.press("Escape");
      for (const name of ["overview", "failures", "dead", "queues", "schedules", "running", "settings"]) {
        await page.goto(`${origin}/dashboard?page=${name}`);
        await page.locator("main .card").first().waitFor();
        await page.locator(".live.live").waitFor();
      }
      expect(faults).toEqual([]);
      expect(requests.filter(({ url }) => url.origin !== origin || url.href.includes(SECRET))).toEqual([]);

      const other = createServer((_, response) => response.setHeader("content-type", "text/html").end("<p>a page</p>"));
      await new Promise<void>((listening) => other.listen(0, "127.0.0.1", listening));
      onTestFinished(() => void other.close());
      const context = await signedIn(browser, origin);
      await open(context, origin);
      const stranger = await context.newPage();
      await stranger.goto(`http://127.0.0.1:${(other.address() as AddressInfo).port}/`);
      const tried = await stranger.evaluate(
        ([api, job]) => {
          const ways: [string, RequestInit][] = [
            ["jobs", { credentials: "include" }],
            ["jobs", { credentials: "include", headers: { "x-forgeq-dashboard": "1" } }],
            [`jobs/${job}/retry`, { method: "POST", credentials: "include", mode: "no-cors" }],
            [`jobs/${job}/retry`, { method: "POST", credentials: "include", headers: { "x-forgeq-dashboard": "1" } }],
          ];
          return Promise.all(
            ways.map(([path, init]) =>
              fetch(`${api}/${path}`, init).then(
                async (answer) => `${answer.type} ${answer.status} ${(await answer.text()).length}`,
                () => "kept out",
              ),
            ),
          );
        },
        [origin, id] as const,
      );
      expect(tried).toEqual(["kept out", "kept out", "opaque 0 0", "kept out"]);
      expect(await db.query("select from forgeq.job")).toEqual([]);
    },
  );
});
