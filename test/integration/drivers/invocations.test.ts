import { describe, expect, it, onTestFinished, vi } from "vitest";
import { createHandler } from "../../../functions/enqueue.ts";
import { call } from "../../../lib/db/drivers/call.ts";
import { connectDb } from "../../../lib/db/drivers/connect.ts";
import { withinInvocation } from "../../../lib/db/drivers/invocation-limit.ts";
import { listenForHints } from "../../../lib/db/protocol/listen.ts";
import { ALL_SCOPES, CONTEXT, eventOf } from "../../support/http/http.ts";
import { hasPooler, startPooler } from "../../support/database/pooler.ts";
import { startProxy } from "../../support/database/proxy.ts";
import { plain, setup } from "../../support/queue.ts";

const ATTACHED = "select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";

const open = async (options: Parameters<typeof connectDb>[0]) => {
  const db = await connectDb(options);
  onTestFinished(() => db.close());
  return db;
};

it("an invocation that used several connections holds one at its end, which the next one uses", async () => {
  const s = await setup();
  const db = await open({ url: s.url, max: 4, atRest: 1 });
  const pid = () => call<{ pid: number }>(db, "select pg_backend_pid() as pid, pg_sleep(0.05)", []);
  const seen = await withinInvocation(
    () => 60_000,
    () => Promise.all([pid(), pid(), pid()]),
  );
  const pids = seen.map(([row]) => row!.pid);
  expect(new Set(pids).size).toBe(3);
  const held = async () => {
    const rows = await s.db.query<{ pid: number }>(ATTACHED);
    return rows.filter((row) => pids.includes(row.pid)).map((row) => row.pid);
  };
  await expect.poll(async () => (await held()).length).toBe(1);
  const [rest] = await held();
  const again = await withinInvocation(() => 60_000, pid);
  expect(again[0]!.pid).toBe(rest);
});

it("a connection that was kept for longer than a gateway may is not used again", async () => {
  const s = await setup();
  const db = await open({ url: s.url, max: 1, atRest: 1 });
  const pid = async () => {
    const rows = await call<{ pid: number }>(db, "select pg_backend_pid() as pid", []);
    return rows[0]!.pid;
  };
  const first = await pid();
  expect(await pid()).toBe(first);
  const now = performance.now.bind(performance);
  const clock = vi.spyOn(performance, "now").mockImplementation(() => now() + 31_000);
  onTestFinished(() => clock.mockRestore());
  expect(await pid()).not.toBe(first);
});

const setupEnqueue = async () => {
  const s = await setup();
  const proxy = await startProxy(Number(new URL(s.url).port));
  const db = await open({ url: proxy.through(s.url), atRest: 1 });
  const deps = { ...s.deps, db };
  const enqueue = createHandler(
    () => Promise.resolve(deps),
    () => Promise.resolve(ALL_SCOPES),
    [plain],
  );
  /** @param ms - the function's time */
  const post = (n: number, ms: number) => {
    const untilMs = performance.now() + ms;
    const getRemainingTimeInMillis = () => untilMs - performance.now();
    return enqueue(eventOf({ path: "/jobs", body: { type: "plain", payload: { n } } }), {
      ...CONTEXT,
      getRemainingTimeInMillis,
    });
  };
  const stored = async () => {
    const rows = await s.db.query<{ payload: { n: number } }>("select payload from forgeq.jobs");
    return rows.map(({ payload }) => payload.n).sort();
  };
  return { direct: s.db, proxy, db, post, stored };
};

describe("a POST that was answered 503", () => {
  it("is not stored when its locks are free", async () => {
    const { direct, db, post, stored } = await setupEnqueue();
    const locked = Promise.withResolvers<void>();
    const free = Promise.withResolvers<void>();
    const locker = direct.transaction(async (tx) => {
      await tx.query("lock table forgeq.job");
      locked.resolve();
      await free.promise;
    });
    await locked.promise;
    expect(await post(1, 2_000)).toMatchObject({ statusCode: 503 });
    free.resolve();
    await locker;
    // Whoever waited for the lock has it before this one.
    expect(await post(2, 60_000)).toMatchObject({ statusCode: 201 });
    expect(await stored()).toEqual([2]);
    expect(await call(db, "select 1 as one", [])).toEqual([{ one: 1 }]);
  });

  it("is not sent again over another connection", { timeout: 30_000 }, async () => {
    const { proxy, db, post, stored } = await setupEnqueue();
    expect(await post(1, 60_000)).toMatchObject({ statusCode: 201 });
    const sent = vi.spyOn(db, "query");
    proxy.freeze();
    expect(await post(2, 2_000)).toMatchObject({ statusCode: 503 });
    // The environment thaws: its next request is served, and by another connection.
    expect(await post(3, 60_000)).toMatchObject({ statusCode: 201 });
    await Promise.allSettled(sent.mock.results.map(({ value }) => value as Promise<unknown>));
    expect(await stored()).toEqual([1, 3]);
  });
});

it("what an invocation left to run sends nothing when it is over", async () => {
  const s = await setup();
  const db = await open({ url: s.url, max: 1, atRest: 1 });
  const gate = Promise.withResolvers<void>();
  const late = await withinInvocation(
    () => 60_000,
    async () => {
      await call(db, "select 1", []);
      return { work: gate.promise.then(() => call(db, "create table late (n int)", [])) };
    },
  );
  gate.resolve();
  await expect(late.work).rejects.toMatchObject({ code: "busy" });
  const inTransaction = withinInvocation(
    () => 60_000,
    () => Promise.resolve({ work: db.transaction((tx) => tx.query("create table late (n int)")) }),
  );
  await expect((await inTransaction).work).rejects.toThrow();
  expect(await s.db.query("select to_regclass('late') as late")).toEqual([{ late: null }]);
  expect(await call(db, "select 1 as one", [])).toEqual([{ one: 1 }]);
});

it("a connection asks Postgres to end it when it is idle, and one that listens is never ended", async () => {
  const s = await setup();
  const db = await open({ url: s.url, idleSessionSeconds: 90 });
  expect(await call(db, "show idle_session_timeout", [])).toEqual([{ idle_session_timeout: "90s" }]);

  const change = vi.fn();
  const url = `${s.url}?options=-c%20idle_session_timeout%3D50ms`;
  const listener = listenForHints({ url }, s.db, { hint: () => undefined, change });
  onTestFinished(() => void listener.close());
  await expect.poll(() => change.mock.calls).toEqual([[true]]);
  // Postgres would have ended it several times by now.
  await s.db.query("select pg_sleep(0.5)");
  expect(change.mock.calls).toEqual([[true]]);
  await listener.close();
});

it.runIf(hasPooler)("a pooler that refuses start-up parameters gets none", async () => {
  const s = await setup();
  const pooled = await startPooler(s.url, 2);
  const db = await open({ url: pooled, idleSessionSeconds: 90 });
  expect(await call(db, "select 1 as one", [])).toEqual([{ one: 1 }]);
  // Remembered for the process.
  const other = await open({ url: pooled, idleSessionSeconds: 90 });
  expect(await other.query("select 1 as one")).toEqual([{ one: 1 }]);
});
