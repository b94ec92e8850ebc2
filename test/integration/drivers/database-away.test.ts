import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { createHandler as createApi } from "../../../functions/api.ts";
import { createHandler as createEnqueue } from "../../../functions/enqueue.ts";
import { call } from "../../../lib/db/drivers/call.ts";
import { connectDb } from "../../../lib/db/drivers/connect.ts";
import { recover } from "../../../lib/db/protocol/leases.ts";
import { startPostgres } from "../../../lib/local/postgres.ts";
import type { Deps } from "../../../lib/queue/deps.ts";
import { dispatch } from "../../../lib/queue/lambda/dispatch.ts";
import { runLease } from "../../../lib/queue/lambda/run-lease.ts";
import { tick } from "../../../lib/queue/schedule/tick.ts";
import { ALL_SCOPES, send } from "../../support/http/http.ts";
import { startProxy } from "../../support/database/proxy.ts";
import { plain, setup } from "../../support/queue.ts";
import { temporaryFolder } from "../../support/cli/start-local.ts";

/** A database that goes away and comes back. `s` reaches it all the time, `deps` only while it is there. */
const setupAway = async () => {
  const s = await setup();
  const proxy = await startProxy(Number(new URL(s.url).port));
  const db = await connectDb({ url: proxy.through(s.url) });
  onTestFinished(() => db.close());
  return { ...s, direct: s.db, proxy, deps: { ...s.deps, db } };
};

const AWAY = { code: "database_unavailable", details: { retryAfterSeconds: 2 } };

describe("while Postgres is away", () => {
  it("answers 503 with Retry-After, and 201 again when it is back", async () => {
    const { deps, proxy } = await setupAway();
    const enqueue = createEnqueue(
      () => Promise.resolve(deps),
      () => Promise.resolve(ALL_SCOPES),
      [plain],
    );
    const api = createApi(
      () => Promise.resolve(deps),
      () => Promise.resolve(ALL_SCOPES),
    );
    const job = { path: "/jobs", body: { type: "plain", payload: { n: 1 } } };

    await proxy.away();
    for (const answer of [
      await send(enqueue, job),
      await send(api, { path: "/jobs" }),
      await send(api, { path: "/health", query: "deep=1" }),
    ]) {
      expect(answer).toMatchObject({ status: 503, body: { code: "database_unavailable" } });
      expect(Number(answer.headers["retry-after"])).toBeGreaterThan(0);
      expect(JSON.stringify(answer.body)).not.toMatch(/postgres|ECONN|select|127\.0\.0\.1/i);
    }

    await proxy.back();
    expect(await send(enqueue, job)).toMatchObject({ status: 201 });
    expect((await send(api, { path: "/jobs" })).body.data).toHaveLength(1);
    // An answer of the health is kept for five seconds.
    const health = async () => (await send(api, { path: "/health", query: "deep=1" })).status;
    await expect.poll(health, { timeout: 20_000 }).toBe(200);
  });

  it("fails a dispatcher and a tick cleanly, and the next ones do the work", async () => {
    const { deps, proxy, queue, moveTo, invocations } = await setupAway();
    await queue.enqueue(3);
    const lost = (await queue.claim(1)).leases;
    await proxy.away();
    await expect(dispatch(deps, {}, () => 60_000)).rejects.toMatchObject(AWAY);
    await expect(tick(deps, () => 60_000)).rejects.toMatchObject(AWAY);
    expect(invocations).toEqual([]);

    await proxy.back();
    moveTo(100);
    expect(await tick(deps, () => 60_000)).toMatchObject({ leasesRecovered: 1, jobsRecovered: 1 });
    moveTo(110);
    const noPause: Deps = { ...deps, sleep: () => Promise.resolve() };
    expect(await dispatch(noPause, {}, () => 60_000)).toMatchObject({ jobs: 3, refused: 0 });
    expect(lost).toHaveLength(1);
  });
});

describe("a lease that runs while Postgres goes away", () => {
  const inLease = async (remainingAfterwardsMs = 60_000) => {
    let remainingMs = 60_000;
    const away = await setupAway();
    const [id] = await away.queue.enqueue(1);
    const [lease] = (await away.queue.claim()).leases;
    const run = (deps: Deps) =>
      runLease(
        deps,
        plain,
        async () => {
          await away.proxy.away();
          remainingMs = remainingAfterwardsMs;
          return { done: true };
        },
        { leaseId: lease!.id, invocation: "request", remainingMs: () => remainingMs },
      );
    return { ...away, id: id!, run };
  };

  it("settles when it is back", async () => {
    const { deps, proxy, queue, id, run } = await inLease();
    let pauses = 0;
    const report = await run({ ...deps, sleep: async () => void (pauses++ === 1 && (await proxy.back())) });
    expect(pauses).toBe(2);
    expect(report).toMatchObject({ outcome: "ran", settled: { completed: 1 } });
    expect(await queue.get(id)).toMatchObject({ state: "completed", attempt: 1, result: { done: true } });
  });

  it("gets lease_lost when others had recovered it by then", async () => {
    const { deps, direct, proxy, queue, id, run, at, moveTo } = await inLease();
    const sleep = async () => {
      await recover(direct, 10, at(100));
      await proxy.back();
    };
    expect(await run({ ...deps, sleep })).toMatchObject({ settled: { lease_lost: 1 } });
    moveTo(200);
    expect(await queue.get(id)).toMatchObject({ state: "pending", attempt: 1, result: null });
    expect((await queue.claim()).leases).toHaveLength(1);
  });

  it("fails when its own time is up first, and the job is recovered", async () => {
    const { deps, direct, queue, id, run, at, moveTo } = await inLease(0);
    await expect(run(deps)).rejects.toMatchObject(AWAY);
    expect(await recover(direct, 10, at(100))).toMatchObject({ jobs: 1 });
    moveTo(200);
    expect(await queue.get(id)).toMatchObject({ state: "pending", attempt: 1 });
  });
});

describe("a Postgres that is stopped and started", () => {
  it(
    "is away from the start, then there, away again and back, for one and the same Db",
    { timeout: 120_000 },
    async () => {
      const folder = temporaryFolder();
      onTestFinished(folder.remove);
      const binFolder = process.env["FORGEQ_TEST_PG_BIN"];
      const options = {
        dataDir: `${folder.path}/pg`,
        durable: false,
        ...(binFolder === undefined ? {} : { binFolder }),
      };
      let server = await startPostgres(options);
      onTestFinished(() => server.stop());
      const { port } = server;
      await server.stop();

      const db = await connectDb({ url: server.url() });
      onTestFinished(() => db.close());
      const one = () => call(db, "select 1 as one", []);
      await expect(one()).rejects.toMatchObject(AWAY);
      server = await startPostgres({ ...options, port });
      expect(await one()).toEqual([{ one: 1 }]);

      const cut = db.transaction((tx) => tx.query("select pg_sleep(60)"));
      cut.catch(() => undefined);
      // Until the statement is there: then the server ends it with its own shutdown.
      while (
        (await db.query("select from pg_stat_activity where query like '%pg_sleep(60)' and pid <> pg_backend_pid()"))
          .length === 0
      )
        await pause(10);
      await server.stop();
      await expect(cut).rejects.toMatchObject({ code: "57P01" });
      await expect(one()).rejects.toMatchObject(AWAY);
      server = await startPostgres({ ...options, port });
      expect(await one()).toEqual([{ one: 1 }]);
    },
  );
});
