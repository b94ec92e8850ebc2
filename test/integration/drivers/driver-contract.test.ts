import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { call, toForgeqError } from "../../../lib/db/drivers/call.ts";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { isUnavailable, sqlState } from "../../../lib/db/drivers/failure.ts";
import { createTestDatabase, type TestDatabase } from "../../support/database/database.ts";
import { DRIVERS, openWith } from "../../support/database/drivers.ts";
import { startProxy } from "../../support/database/proxy.ts";

const ODD_TEXTS = [
  "",
  "null",
  "NULL",
  "{a,b}",
  "\"quoted\" \\backslash\\ 'single'",
  "line\nbreak\ttab\r",
  "$1 %s ?",
  "héllo wörld 日本語 🦉 \uffff",
  "\u0001\u007f",
];

const rejection = async (statement: Promise<unknown>): Promise<Error & Record<string, unknown>> => {
  const thrown: unknown = await statement.then(
    () => null,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(Error);
  return thrown as Error & Record<string, unknown>;
};

describe.each(DRIVERS)("the %s driver", (driver) => {
  let database: TestDatabase;
  let db: Db;
  beforeAll(async () => {
    database = await createTestDatabase({ max: 2 });
    db = await openWith(driver, database.url);
    await database.db.query("create table kept (id int primary key, note text)");
  });
  afterAll(async () => {
    await db.close();
    await database.drop();
  });

  const value = async (text: string, params?: readonly unknown[]): Promise<unknown> =>
    (await db.query<{ value: unknown }>(`select ${text} as value`, params))[0]?.value;

  describe("values", () => {
    it.each([
      ["int", 7, 7],
      ["float8", 0.1, 0.1],
      ["boolean", false, false],
      ["int8", "9007199254740993", "9007199254740993"],
      ["int8", 9007199254740993n, "9007199254740993"],
      ["numeric", "1.50", "1.50"],
      ["uuid", "019ab000-0000-7000-8000-000000000000", "019ab000-0000-7000-8000-000000000000"],
      ["timestamptz", new Date("2031-02-03T04:05:06.789Z"), new Date("2031-02-03T04:05:06.789Z")],
      ["jsonb", '{"a":[1,null,"b"],"c":{}}', { a: [1, null, "b"], c: {} }],
      ["jsonb", "null", null],
      ["jsonb", '"text"', "text"],
      ["text[]", ODD_TEXTS, ODD_TEXTS],
      ["text[]", [], []],
      ["text[]", ["a", null, "b"], ["a", null, "b"]],
      ["uuid[]", ["019ab000-0000-7000-8000-000000000000"], ["019ab000-0000-7000-8000-000000000000"]],
      ["int[]", [1, -2], [1, -2]],
    ])("sends and reads %s %s", async (type, sent, read) => {
      expect(await value(`$1::${type}`, [sent])).toEqual(read);
    });

    it.each(["int", "text", "jsonb", "timestamptz", "uuid", "text[]"])("sends and reads a null %s", async (type) => {
      expect(await value(`$1::${type}`, [null])).toBeNull();
    });

    it.each(ODD_TEXTS)("keeps the text %j", async (text) => {
      expect(await value("$1::text", [text])).toBe(text);
      expect(await value("jsonb_build_object('k', $1::text)", [text])).toEqual({ k: text });
    });

    it("reads an instant as a Date, in UTC whatever the session's zone", async () => {
      expect(await value("'2031-02-03 04:05:06.123456+02'::timestamptz")).toEqual(new Date("2031-02-03T02:05:06.123Z"));
    });

    it("gives rows as objects, an empty list for none, and names columns as they are written", async () => {
      expect(await db.query(`select n, n * 2 as "twiceAsMuch" from generate_series(1, 2) n`)).toEqual([
        { n: 1, twiceAsMuch: 2 },
        { n: 2, twiceAsMuch: 4 },
      ]);
      expect(await db.query("select 1 where false")).toEqual([]);
      expect(await db.query("update kept set note = note")).toEqual([]);
    });
  });

  describe("errors", () => {
    it("has SQLSTATE and detail", async () => {
      await db.query("insert into kept values (1, 'there') on conflict do nothing");
      const error = await rejection(db.query("insert into kept values ($1, 'again')", [1]));
      expect(error).toMatchObject({ code: "23505", detail: "Key (id)=(1) already exists.", constraint: "kept_pkey" });
      expect(error.message).toContain("duplicate key");
    });

    it("tells ForgeQ's own from it, with what the database blames", async () => {
      const jobs = JSON.stringify([{ type: "unheard_of", payload: {} }]);
      const error = await rejection(db.query("select * from forgeq.enqueue_many($1::jsonb)", [jobs]));
      expect(sqlState(error)).toBe("FQ001");
      expect(toForgeqError(error)).toMatchObject({ code: "unknown_type", details: { index: 0 } });
    });

    it.each([
      ["42601", "selec 1", []],
      ["42P01", "select * from forgeq.nowhere", []],
      ["42883", "select forgeq.no_such_function()", []],
      ["22P02", "select $1::int", ["seven"]],
      ["22021", "select $1::text", ["nul \0 character"]],
      ["40001", "do $$ begin raise exception 'again' using errcode = '40001'; end $$", []],
    ])("has SQLSTATE %s", async (state, text, params) => {
      expect(sqlState(await rejection(db.query(text, params)))).toBe(state);
    });
  });

  describe("transactions", () => {
    it("commits what it wrote", async () => {
      const result = await db.transaction(async (tx) => {
        await tx.query("insert into kept values (10, $1)", ["committed"]);
        return (await tx.query<{ level: string }>("select current_setting('transaction_isolation') as level"))[0]
          ?.level;
      });
      expect(result).toBe("read committed");
      expect(await db.query("select note from kept where id = 10")).toEqual([{ note: "committed" }]);
    });

    it("sees nothing of another one before it commits", async () => {
      await db.transaction(async (tx) => {
        await tx.query("insert into kept values (11, 'unseen')");
        expect(await db.query("select from kept where id = 11")).toEqual([]);
        await db.transaction(async (other) => {
          expect(await other.query("select from kept where id = 11")).toEqual([]);
        });
      });
      expect(await db.query("select id from kept where id = 11")).toEqual([{ id: 11 }]);
    });

    it("rolls back when its work throws, and throws the same", async () => {
      const thrown = new Error("the caller's own");
      const work = db.transaction(async (tx) => {
        await tx.query("insert into kept values (12, 'gone')");
        throw thrown;
      });
      await expect(work).rejects.toBe(thrown);
      expect(await db.query("select from kept where id = 12")).toEqual([]);
    });

    it("rolls back when a statement fails, with its SQLSTATE", async () => {
      const error = await rejection(
        db.transaction(async (tx) => {
          await tx.query("insert into kept values (13, 'gone')");
          await tx.query("select 1 / 0");
        }),
      );
      expect(sqlState(error)).toBe("22012");
      expect(await db.query("select from kept where id = 13")).toEqual([]);
    });

    it("does not pretend to have committed when a failed statement was passed over", async () => {
      const work = db.transaction(async (tx) => {
        await tx.query("insert into kept values (14, 'gone')");
        await tx.query("select 1 / 0").catch(() => undefined);
        return "done";
      });
      await expect(work).rejects.toMatchObject({ code: "internal" });
      expect(await db.query("select from kept where id = 14")).toEqual([]);
    });

    it("leaves nothing behind on a connection that is used again", async () => {
      const warnings: Error[] = [];
      const onWarning = (warning: Error) => warnings.push(warning);
      process.on("warning", onWarning);
      for (let n = 0; n < 15; n += 1) await db.transaction((tx) => tx.query("select 1"));
      expect(await db.transaction((tx) => tx.query("show lock_timeout"))).toEqual([{ lock_timeout: "0" }]);
      await new Promise((resolve) => setImmediate(resolve));
      process.off("warning", onWarning);
      expect(warnings).toEqual([]);
    });
  });

  describe("failures", () => {
    it("ends a statement at its deadline, and goes on with the next", async () => {
      const hasty = await openWith(driver, database.url, { statementSeconds: 0.3 });
      const error = await rejection(hasty.query("select pg_sleep(20)"));
      expect(isUnavailable(error)).toBe(false);
      expect(toForgeqError(error)).toMatchObject({ code: "too_slow", message: "a statement took longer than 0.3 s" });
      expect(await hasty.query("select 1 as one")).toEqual([{ one: 1 }]);
    });

    it("ends a transaction's statement at its deadline, and its locks with it", async () => {
      await db.query("insert into kept values (20, 'locked') on conflict do nothing");
      const hasty = await openWith(driver, database.url, { statementSeconds: 0.3 });
      const error = await rejection(
        hasty.transaction(async (tx) => {
          await tx.query("update kept set note = 'held' where id = 20");
          await tx.query("select pg_sleep(20)");
        }),
      );
      expect(toForgeqError(error)).toMatchObject({ code: "too_slow" });
      expect(await database.db.query("update kept set note = 'free' where id = 20 returning note")).toEqual([
        { note: "free" },
      ]);
    });

    it("survives a backend that is killed in the middle of a transaction", async () => {
      const killed = db.transaction(async (tx) => {
        await tx.query("insert into kept values (21, 'gone')");
        const [me] = await tx.query<{ pid: number }>("select pg_backend_pid() as pid");
        await database.db.query("select pg_terminate_backend($1, 5000)", [me?.pid]);
        await tx.query("select 1");
      });
      expect(isUnavailable(await rejection(killed))).toBe(true);
      expect(await db.transaction((tx) => tx.query("select from kept where id = 21"))).toEqual([]);
    });

    it("survives backends that are killed while they are idle", async () => {
      await db.transaction((tx) => tx.query("select 1"));
      await db.query("select 1");
      await database.db.query(
        `select pg_terminate_backend(pid, 5000) from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`,
      );
      expect(await call(db, "select 1 as one", [])).toEqual([{ one: 1 }]);
      expect(await db.transaction((tx) => tx.query("select 1 as one"))).toEqual([{ one: 1 }]);
    });

    it("says that the database is away, and works when it is back", async () => {
      const proxy = await startProxy(Number(new URL(database.url).port));
      const distant = await openWith(driver, proxy.through(database.url));
      const transaction = () => distant.transaction((tx) => tx.query("select 1 as one"));
      expect(await transaction()).toEqual([{ one: 1 }]);

      await proxy.away();
      await expect(call(distant, "select 1", [])).rejects.toMatchObject({
        code: "database_unavailable",
        details: { retryAfterSeconds: 2 },
      });
      expect(toForgeqError(await rejection(transaction()))).toMatchObject({ code: "database_unavailable" });

      await proxy.back();
      expect(await call(distant, "select 1 as one", [])).toEqual([{ one: 1 }]);
      expect(await transaction()).toEqual([{ one: 1 }]);
    });
  });
});
