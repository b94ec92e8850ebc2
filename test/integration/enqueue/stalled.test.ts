import { once } from "node:events";
import { createServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { createHandler } from "../../../functions/enqueue.ts";
import { connectDb } from "../../../lib/db/drivers/connect.ts";
import { nodeListener } from "../../../lib/http/node-adapter.ts";
import type { HttpHandler } from "../../../lib/http/stack.ts";
import { enqueueJobs } from "../../../lib/queue/enqueue/enqueue-jobs.ts";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import { ALL_SCOPES, SECRET } from "../../support/http/http.ts";
import { plain, setup } from "../../support/queue.ts";

const SOON = { timeout: 30_000, interval: 20 };
const staying = { hasLeft: () => false };

/** The enqueue function behind real HTTP, with a pool and a deadline of its own, and a lock on the table of jobs. */
const setupStalled = async (statementSeconds: number) => {
  const s = await setup({ realClock: true });
  const db = await connectDb({ url: s.url, max: 2, statementSeconds });
  onTestFinished(() => db.close());
  const deps = { ...s.deps, db };
  const enqueue = createHandler(
    () => Promise.resolve(deps),
    () => Promise.resolve(ALL_SCOPES),
    [plain],
  );
  let begun = 0;
  const counted: HttpHandler = (event, context) => {
    begun += 1;
    return enqueue(event, context);
  };
  const listener = nodeListener(() => counted);
  let hungUp = 0;
  const server = createServer((request, response) => {
    response.once("close", () => (hungUp += response.writableFinished ? 0 : 1));
    void listener(request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const post = (n: number, more: object = {}) => {
    const sent = httpRequest({
      port,
      method: "POST",
      path: "/jobs",
      headers: { authorization: `Bearer ${SECRET}`, "content-type": "application/json" },
    });
    sent.on("error", () => undefined);
    sent.end(JSON.stringify({ type: "plain", payload: { n }, ...more }));
    return sent;
  };
  const waiting = async (): Promise<number> => {
    const [row] = await s.db.query<{ n: number }>(
      `select count(*)::int as n from pg_stat_activity
       where datname = current_database() and wait_event_type = 'Lock' and pid <> pg_backend_pid()`,
    );
    return row!.n;
  };
  return {
    ...s,
    deps,
    post,
    waiting,
    begun: () => begun,
    hungUp: () => hungUp,
    stored: async () =>
      (await s.db.query<{ n: number }>("select (payload ->> 'n')::int as n from forgeq.job order by 1")).map(
        ({ n }) => n,
      ),
    /** Runs `work` while nobody else can read or write jobs. */
    stalled: (work: () => Promise<void>) =>
      s.db.transaction(async (tx) => {
        await tx.query("lock table forgeq.job in access exclusive mode");
        await work();
      }),
  };
};

it("answers 503 too_slow with Retry-After when the table of jobs is locked, and has stored nothing", async () => {
  const s = await setupStalled(0.3);
  await s.stalled(async () => {
    const [response] = await once(s.post(1), "response");
    response.setEncoding("utf8");
    let body = "";
    for await (const part of response) body += part;
    expect([response.statusCode, response.headers["retry-after"]]).toEqual([503, "5"]);
    expect(JSON.parse(body)).toMatchObject({ code: "too_slow", detail: "a statement took longer than 0.3 s" });
  });
  expect(await s.waiting()).toBe(0);
  expect(await s.stored()).toEqual([]);
});

it("stores what it had sent, and nothing of the requests behind it whose clients have hung up", async () => {
  const s = await setupStalled(20);
  const sent: Promise<unknown>[] = [];
  await s.stalled(async () => {
    sent.push(once(s.post(1), "response"));
    await expect.poll(s.waiting, SOON).toBe(1);
    sent.push(once(s.post(2), "response"));
    await expect.poll(s.waiting, SOON).toBe(2);
    // Those without an id wait to share a statement; those with one wait for a connection.
    const abandoned = [4, 5, 6].flatMap((n) => [s.post(n), s.post(n, { id: uuidV7() })]);
    await expect.poll(s.begun, SOON).toBe(8);
    for (const request of abandoned) request.destroy();
    await expect.poll(s.hungUp, SOON).toBe(abandoned.length);
  });
  const kept = s.post(3);
  const [response] = await once(kept, "response");
  expect(response.statusCode).toBe(201);
  await Promise.all(sent);
  await expect.poll(s.waiting, SOON).toBe(0);
  expect(await s.stored()).toEqual([1, 2, 3]);
});

it("holds at most 16 MB of jobs that wait, and refuses more of them immediately", async () => {
  const s = await setupStalled(3);
  const document = "x".repeat(200_000);
  const one = () => enqueueJobs(s.deps, [{ type: "plain", payload: { document } }], staying);
  const withId = () => enqueueJobs(s.deps, [{ type: "plain", payload: { document }, id: uuidV7() }], staying);
  await s.stalled(async () => {
    let held = 0;
    const refused: unknown[] = [];
    const calls = Array.from({ length: 100 }, (_, n) => {
      held += 1;
      return (n % 2 === 0 ? one() : withId()).catch((error: { code: string }) => {
        if (error.code === "busy") refused.push(error);
        held -= 1;
      });
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect([held * 200_000 <= 16_000_000, refused.length]).toEqual([true, 100 - Math.floor(16_000_000 / 204_012)]);
    await Promise.all(calls);
  });
});
