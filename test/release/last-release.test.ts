import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { freePort } from "../../lib/local/postgres.ts";
import type { startLocalRun as StartLocalRun } from "../../lib/local/local-run.ts";
import { forgeq, ROOT, startForgeq, temporaryFolder } from "../support/cli/cli.ts";
import { createTestDatabase } from "../support/database/database.ts";
import { violations } from "../support/database/invariants.ts";
import { startMailServer } from "../support/servers/mail-server.ts";
import { startSite } from "../support/servers/site.ts";
import { checkOutLastRelease, hasLastRelease, LAST } from "./checkout.ts";

const KEY = "a-key-of-twenty-characters";
const SOON = { timeout: 60_000, interval: 200 };

/** A page that answers when it is let go, so that a job runs for as long as a test wants. */
const slowPage = () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  return {
    go: resolve,
    page: (_: unknown, response: { end(text: string): void }) => void promise.then(() => response.end("")),
  };
};

/** The database of the last release, what its jobs reach, and both codes on it. */
const setup = async (old: string) => {
  const { db, url } = await createTestDatabase({ empty: true });
  const mail = await startMailServer();
  const { go, page } = slowPage();
  const site = await startSite({
    "/slow": (request, response) => (response.setHeader("content-type", "text/html"), page(request, response)),
  });
  onTestFinished(() => Promise.all([mail.close(), site.close()]).then(() => undefined));
  const env = {
    DATABASE_URL: url,
    FORGEQ_API_KEY: KEY,
    FORGEQ_CRAWL_ALLOW: `127.0.0.1:${site.port}`,
    FORGEQ_REPORTS: temporaryFolder(),
    MAIL_FROM: "jobs@example.com",
    SMTP_URL: mail.url,
  };
  const migrate = async (root: string) => expect(await forgeq(["migrate"], { root, env })).toMatchObject({ code: 0 });
  const startServer = async (root: string): Promise<string> => {
    const port = await freePort();
    const server = startForgeq(["server", "--port", String(port)], { root, env });
    await server.said(/Server ready/);
    return `http://127.0.0.1:${port}`;
  };
  const startWorker = async (root: string) => {
    const worker = startForgeq(["worker", "--concurrency", "4"], { root, env });
    await worker.said(/Worker ready/);
    return {
      stop: async () => {
        worker.child.kill("SIGTERM");
        expect(await worker.ended).toMatchObject({ code: 0 });
      },
    };
  };
  const enqueue = async (api: string, type: string, payload: unknown, more: object = {}): Promise<string> => {
    const answer = await fetch(`${api}/jobs`, {
      method: "POST",
      headers: { authorization: `Bearer ${KEY}`, "content-type": "application/json" },
      body: JSON.stringify({ type, payload, ...more }),
    });
    expect(answer.status).toBe(201);
    return ((await answer.json()) as { id: string }).id;
  };
  const send = (api: string, more: object = {}) => enqueue(api, "send_email", { email: "test@example.com" }, more);
  const inState = async (id: string, state: string): Promise<void> => {
    const read = async () =>
      (await db.query<{ state: string }>("select state from forgeq.jobs where id = $1", [id])).at(-1)?.state;
    await expect.poll(read, SOON).toBe(state);
  };
  const slow = (api: string) => enqueue(api, "crawl_page", { url: `${site.origin}/slow` });
  await migrate(old);
  return { db, url, env, go, migrate, startServer, startWorker, enqueue, send, slow, inState };
};

type Scene = Awaited<ReturnType<typeof setup>>;

/** Every job that was ever stored completed in its first life and with its first attempt. */
const expectAllWell = async ({ db }: Scene): Promise<void> => {
  const rows = await db.query<{ state: string; attempt: number; jobs: number }>(
    "select state, attempt::int, count(*)::int as jobs from forgeq.jobs group by 1, 2",
  );
  expect(rows).toEqual([{ state: "completed", attempt: 1, jobs: expect.any(Number) as number }]);
  expect(await violations(db)).toEqual([]);
};

describe.skipIf(!hasLastRelease())(`the code of ${LAST.version} on the newest schema`, { timeout: 240_000 }, () => {
  let checkout: ReturnType<typeof checkOutLastRelease>;
  beforeAll(() => {
    checkout = checkOutLastRelease();
  }, 300_000);
  // Thousands of files of its installation.
  afterAll(() => checkout.remove(), 300_000);

  it("goes on as server and worker, beside this code and alone, with jobs that wait, run and are scheduled", async () => {
    const old = checkout.root;
    const s = await setup(old);
    const oldApi = await s.startServer(old);
    const oldWorker = await s.startWorker(old);
    await s.inState(await s.send(oldApi), "completed");
    const running = await s.slow(oldApi);
    await s.inState(running, "running");
    const scheduled = await s.send(oldApi, { delay_seconds: 15 });
    await s.db.query("update forgeq.queue set paused = true where name = 'reports'");
    const waiting = await s.enqueue(oldApi, "generate_report", {
      from: "2030-01-01T00:00:00Z",
      to: "2030-01-02T00:00:00Z",
    });

    await s.migrate(ROOT);
    s.go();
    await s.inState(running, "completed");
    await s.inState(await s.send(oldApi), "completed");

    const newApi = await s.startServer(ROOT);
    const newWorker = await s.startWorker(ROOT);
    for (const api of [oldApi, newApi, oldApi, newApi]) await s.inState(await s.send(api), "completed");
    await oldWorker.stop();
    await s.inState(await s.send(oldApi), "completed");
    await newWorker.stop();

    // And back.
    const again = await s.startWorker(old);
    await s.inState(await s.send(newApi), "completed");
    await s.db.query("update forgeq.queue set paused = false where name = 'reports'");
    for (const id of [waiting, scheduled]) await s.inState(id, "completed");
    await again.stop();
    await expectAllWell(s);
  });

  it("goes on as Lambda handlers, one of which runs while the schema is migrated", async () => {
    const old = checkout.root;
    const s = await setup(old);
    const { startLocalRun } = (await import(`${old}/lib/local/local-run.ts`)) as {
      startLocalRun: typeof StartLocalRun;
    };
    const log: string[] = [];
    const run = await startLocalRun({
      root: old,
      folder: temporaryFolder(),
      port: await freePort(),
      build: "none",
      env: { PATH: process.env["PATH"], ...s.env },
      onLog: (source, line) => log.push(`${source}: ${line}`),
      onFatal: (message) => log.push(`fatal: ${message}`),
    });
    try {
      await s.inState(await s.send(run.url), "completed");
      const running = await s.slow(run.url);
      await s.inState(running, "running");
      await s.migrate(ROOT);
      s.go();
      await s.inState(running, "completed");
      for (let n = 0; n < 3; n += 1) await s.inState(await s.send(run.url), "completed");
      const worker = await s.startWorker(ROOT);
      await s.inState(await s.send(run.url), "completed");
      await worker.stop();
      await expectAllWell(s);
    } finally {
      await run.stop();
    }
  });
});
