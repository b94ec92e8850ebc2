/** A page of somebody else, open in a real browser on a machine where `npm start` runs: it knows every port, and even the secrets in addresses. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { connectDb } from "../../lib/db/drivers/connect.ts";
import { createWorkerMetrics } from "../../lib/cli/worker-metrics.ts";
import { startNeon } from "../../lib/local/neon.ts";
import { startLocal, temporaryFolder } from "../support/cli/start-local.ts";
import { type Browser, hasBrowser, launch } from "./support/browser.ts";

const TIME_OUT_MS = 180_000;

const startRun = async () => {
  const folder = temporaryFolder();
  const run = await startLocal({ folder: folder.path, env: { FORGEQ_WAKE: "armed" } });
  const database = new URL(run.databaseUrl);
  const neon = await startNeon({ host: database.hostname, port: Number(database.port) });
  const metrics = await createWorkerMetrics({ concurrency: 1, busy: () => 0, describe: () => null }).serve(
    0,
    "127.0.0.1",
  );
  const db = await connectDb({ url: run.databaseUrl, max: 1 });
  onTestFinished(async () => {
    await db.close();
    await metrics.close();
    await neon.close();
    await run.stop();
    folder.remove();
  });
  return { run, neon, database, metrics, db };
};

const openPage = async (browser: Browser) => {
  const server = createServer((_, response) => response.setHeader("content-type", "text/html").end("<p>a page</p>"));
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  onTestFinished(() => void server.close());
  const page = await browser.newPage();
  await page.goto(`http://localhost:${(server.address() as AddressInfo).port}/`);
  return page;
};

describe.skipIf(!hasBrowser)("a page of another origin", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
  }, TIME_OUT_MS);
  afterAll(() => browser?.close());

  it("reaches nothing of a local run", { timeout: TIME_OUT_MS }, async () => {
    const { run, neon, database, metrics, db } = await startRun();
    // The first tick of a local run has been.
    const running = () => run.invoker.running().length;
    await expect.poll(() => db.query("select from forgeq.tick_part"), { timeout: 30_000 }).not.toEqual([]);
    await expect.poll(running, { timeout: 30_000 }).toBe(0);
    const page = await openPage(browser);
    const targets = {
      "the API": `${run.url}/jobs`,
      "the API's pages": `${run.url}/dashboard`,
      "the invoker": `${run.invoker.endpoint}/2015-03-31/functions/forgeq-dev-scheduler/invocations`,
      "the scheduler of wakes": `${run.wakes?.endpoint}/schedules/planted`,
      "Neon over HTTP": neon.fetchEndpoint,
      "a worker's metrics": metrics.url,
    };
    const found = await page.evaluate(
      async ({ addresses, socket, key }) => {
        const post = (mode: RequestMode): RequestInit => ({
          method: "POST",
          mode,
          body: "{}",
          headers: { "content-type": "text/plain" },
        });
        const ways: Record<string, RequestInit> = {
          get: {},
          post: post("cors"),
          simple: post("no-cors"),
          withKey: {
            method: "POST",
            body: "{}",
            headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
          },
        };
        const seen: Record<string, string> = {};
        for (const [name, address] of Object.entries(addresses))
          for (const [way, init] of Object.entries(ways))
            seen[`${name}: ${way}`] = await fetch(address, init).then(
              async (answer) => (answer.type === "opaque" ? "unseen" : `${answer.status} ${await answer.text()}`),
              () => "kept out",
            );
        seen["Neon over a WebSocket"] = await new Promise<string>((done) => {
          const opened = new WebSocket(socket);
          opened.onopen = () => done("open");
          opened.onerror = () => done("kept out");
        });
        return seen;
      },
      {
        addresses: targets,
        socket: `ws://${neon.wsProxy}${database.host}`,
        key: run.apiKey,
      },
    );
    const expected = Object.fromEntries(
      Object.keys(found).map((each) => [each, each.endsWith(": simple") ? "unseen" : "kept out"]),
    );
    expect(found).toEqual(expected);
    expect(Object.keys(found)).toHaveLength(Object.keys(targets).length * 4 + 1);
    // Nothing was done by what it could not see, either.
    expect(await db.query("select from forgeq.job")).toEqual([]);
    expect(run.wakes?.armed().filter((wake) => JSON.stringify(wake).includes("planted"))).toEqual([]);
    expect(running()).toBe(0);
  });
});
