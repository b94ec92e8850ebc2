import { describe, expect, it, onTestFinished } from "vitest";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import { call } from "../../../lib/db/drivers/call.ts";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { connectDb } from "../../../lib/db/drivers/connect.ts";
import { enqueueMany } from "../../../lib/db/protocol/enqueue.ts";
import { createTestDatabase } from "../../support/database/database.ts";
import { DRIVERS, openWith } from "../../support/database/drivers.ts";
import { startProxy } from "../../support/database/proxy.ts";
import { setup as setupQueue } from "../../support/queue.ts";
import { sourcesOf, textOf } from "../../support/sources.ts";

const SOON = { timeout: 30_000, interval: 20 };
const TOO_SLOW = { code: "too_slow", details: { retryAfterSeconds: 5 } };

/** A sequence counts how often a statement began, whatever becomes of it. */
const SLOW = "select nextval('sent'), pg_sleep(60)";

const setup = async () => {
  const { db, url } = await createTestDatabase();
  await db.query("create sequence sent");
  const number = async (text: string): Promise<number> => {
    const [row] = await db.query<{ n: number }>(`select (${text})::int as n`);
    return row!.n;
  };
  return {
    db,
    url,
    sent: () => number("select case when is_called then last_value else 0 end from sent"),
    running: () => number("select count(*) from pg_stat_activity where datname = current_database() and state = 'active' and query like '%pg_sleep(60)%' and pid <> pg_backend_pid()"), // prettier-ignore
    sessions: () => number("select count(*) from pg_stat_activity where datname = current_database() and application_name = 'hasty'"), // prettier-ignore
    /** Its connections are counted by `sessions`. */
    counted: `${url}?application_name=hasty`,
  };
};

const pidOf = async (db: Db): Promise<number> =>
  (await db.query<{ pid: number }>("select pg_backend_pid() as pid"))[0]!.pid;

describe("a statement past its deadline", () => {
  it("is sent once, ended in the server, and leaves its connection for the next", async () => {
    const s = await setup();
    const hasty = await openWith("pg", s.url, { statementSeconds: 0.3, max: 1 });
    const pid = await pidOf(hasty);
    await expect(call(hasty, SLOW, [])).rejects.toMatchObject({ ...TOO_SLOW, message: "a statement took longer than 0.3 s" }); // prettier-ignore
    expect([await s.sent(), await s.running(), await pidOf(hasty)]).toEqual([1, 0, pid]);
  });

  it("is over before its transaction is, by a pg connection or a WebSocket", async () => {
    for (const driver of DRIVERS) {
      const s = await setup();
      const hasty = await openWith(driver, s.url, { statementSeconds: 0.3, max: 1 });
      const failing = hasty.transaction(async (tx) => {
        // Without the server's own deadline, so that the client's is what ends it.
        await tx.query("set local statement_timeout = 0");
        await tx.query(SLOW);
      });
      await expect(failing).rejects.toMatchObject({ name: "DeadlineError" });
      expect([await s.sent(), await s.running()]).toEqual([1, 0]);
      expect(await hasty.transaction((tx) => tx.query("select 1 as one"))).toEqual([{ one: 1 }]);
    }
  });

  it("over HTTP is sent once, too, and stopped by the role's statement_timeout", async () => {
    const s = await setup();
    await s.db.query(`do $$ begin execute format('alter database %I set statement_timeout = ''1s''', current_database()); end $$`); // prettier-ignore
    const hasty = await openWith("neon", s.url, { statementSeconds: 0.3 });
    await expect(call(hasty, SLOW, [])).rejects.toMatchObject(TOO_SLOW);
    await expect.poll(s.running, SOON).toBe(0);
    expect(await s.sent()).toBe(1);
  });

  it("never hits the next statement of its connection with its cancel request", async () => {
    const { url } = await setup();
    // The deadline passes about when the statement ends.
    const hasty = await openWith("pg", url, { statementSeconds: 0.02, max: 2 });
    const ends = await Promise.allSettled(
      Array.from({ length: 60 }, (_, n) =>
        hasty.transaction((tx) => tx.query(`select pg_sleep(${0.015 + (n % 10) / 1000})`)),
      ),
    );
    const others = ends.flatMap((end) => (end.status === "rejected" ? [end.reason as Error] : []))
      .filter(({ name, message }) => name !== "DeadlineError" && !/statement timeout|timeout exceeded/.test(message)); // prettier-ignore
    expect(others).toEqual([]);
  });
});

describe("a table that is locked", () => {
  it("costs no connection beyond the pool, and all of it goes on when the lock is free", async () => {
    const s = await setup();
    await s.db.query("create table locked (n int)");
    const hasty = await openWith("pg", s.counted, { statementSeconds: 0.3, max: 3 });
    const counts: number[] = [];
    await s.db.transaction(async (tx) => {
      await tx.query("lock table locked in access exclusive mode");
      for (let round = 0; round < 3; round += 1) {
        const calls = Array.from({ length: 9 }, () => call(hasty, "select nextval('sent'), count(*) from locked", []));
        for (const end of await Promise.allSettled(calls))
          expect(end).toMatchObject({ status: "rejected", reason: TOO_SLOW });
        counts.push(await s.sessions());
      }
    });
    expect(counts).toEqual([3, 3, 3]);
    expect(await call(hasty, "select count(*)::int as n from locked", [])).toEqual([{ n: 0 }]);
    expect(await s.sessions()).toBe(3);
  });
});

describe("a connection that has died without a word", () => {
  it("is dropped at the deadline, and the statement goes over another one", async () => {
    const s = await setup();
    const proxy = await startProxy(Number(new URL(s.url).port));
    const hasty = await openWith("pg", proxy.through(s.counted), { statementSeconds: 0.3, max: 1 });
    const pid = await pidOf(hasty);
    proxy.freeze();
    const [row] = await call<{ pid: number }>(hasty, "select pg_backend_pid() as pid", []);
    expect(row!.pid).not.toBe(pid);
  });

  it("holds its place in the pool for as long as its statement runs in the server", async () => {
    const s = await setup();
    const proxy = await startProxy(Number(new URL(s.url).port));
    const hasty = await connectDb({ url: proxy.through(s.counted), statementSeconds: 0.3, max: 1 });
    onTestFinished(() => hasty.close());
    await s.db.query("create table busy (n int)");
    await s.db.query(`create function stubborn() returns void language plpgsql as $$
      begin
        loop
          begin
            perform pg_sleep(60);
          exception when query_canceled then
            if exists (select from busy) then return; end if;
          end;
        end loop;
      end $$`);
    const stuck = call(hasty, "select stubborn()", []);
    await expect.poll(() => s.sessions(), SOON).toBe(1);
    proxy.freeze();
    await expect(stuck).rejects.toMatchObject(TOO_SLOW);
    await expect(call(hasty, "select 1", [])).rejects.toMatchObject(TOO_SLOW);
    expect(await s.sessions()).toBe(1);
    await s.db.query("insert into busy values (1)");
    await expect.poll(() => hasty.query("select 1 as one").catch(() => null), SOON).toEqual([{ one: 1 }]);
  });
});

describe("functions of the protocol", () => {
  // They give up on a lock sooner, or wait for none: what they read is never locked by a migration, or they are formulas.
  const OTHERS = ["check_clock", "delete_queue", "ensure_partitions", "metric_fold", "purge", "enqueue_in_groups", "bounded_seconds", "listen_to", "probe_listener", "worker_lock", "metric_spread", "begin_idempotent", "json_or_null", "newest_life", "list_row", "live_row"]; // prettier-ignore

  it("that are called give up on a lock before a client's deadline", async () => {
    const s = await setup();
    const called = new Set(
      sourcesOf("lib/db").flatMap((file) => [...textOf(file).matchAll(/forgeq\.(\w+)\(/g)].map(([, name]) => name!)),
    );
    const patient = await s.db.query<{ name: string }>(
      `select proname as name from pg_proc
       where pronamespace = 'forgeq'::regnamespace and provolatile <> 'i' and not coalesce('lock_timeout=4s' = any (proconfig), false)`,
    );
    expect(called.size).toBeGreaterThan(25);
    expect(patient.map(({ name }) => name).filter((name) => called.has(name) && !OTHERS.includes(name))).toEqual([]);
  });

  it.each(DRIVERS)("say so over %s, and nothing was stored", async (driver) => {
    const s = await setupQueue();
    const db = await openWith(driver, s.url, { statementSeconds: 20 });
    await s.db.transaction(async (tx) => {
      await tx.query("lock table forgeq.job in access exclusive mode");
      await expect(enqueueMany(db, [{ id: uuidV7(), type: "plain", payload: {} }], true, null)).rejects.toMatchObject({
        code: "too_slow",
        message: "a statement waited too long for a lock",
      });
    });
    expect(await s.db.query("select from forgeq.job")).toEqual([]);
  });
});
