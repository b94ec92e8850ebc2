import { expect, it, onTestFinished, vi } from "vitest";
import { createHandler } from "../../../functions/api.ts";
import { call } from "../../../lib/db/drivers/call.ts";
import { connectDb } from "../../../lib/db/drivers/connect.ts";
import { createUrlSource } from "../../../lib/db/drivers/url-source.ts";
import { freePort } from "../../../lib/local/postgres.ts";
import { listenForHints } from "../../../lib/db/protocol/listen.ts";
import { ALL_SCOPES, send } from "../../support/http/http.ts";
import { httpDeps } from "../../support/http/http-deps.ts";
import { startSecuredPostgres } from "../../support/database/secured.ts";

const open = async (options: Parameters<typeof connectDb>[0]) => {
  const db = await connectDb(options);
  onTestFinished(() => db.close());
  return db;
};

const one = (db: Awaited<ReturnType<typeof open>>) => call(db, "select current_user::text as who", []);

it(
  "tells an operator why there is no connection, each cause by itself, and a client 503",
  { timeout: 60_000 },
  async () => {
    const { admin, url, caFile } = await startSecuredPostgres();
    await admin.query(
      "create role app login password 'right'; create role busy login password 'right' connection limit 0",
    );
    const trusted = `?sslrootcert=${caFile}`;
    const nobody = await freePort();
    const faults = [
      [url("app", "wrong", trusted), "authentication", /refuses the login/],
      [url("nobody", "x", trusted), "authentication", /refuses the login/],
      [url("app", "right", "?sslmode=disable"), "authentication", /refuses the login/],
      [url("app", "right", "?sslmode=require"), "certificate", /certificate is not trusted.*FORGEQ_DATABASE_CA/],
      [url("app", "right", trusted).replace("/postgres?", "/missing?"), "no_database", /no database of the name/],
      [url("busy", "right", trusted), "no_connection_left", /no connection left/],
      [`postgres://app@127.0.0.1:${nobody}/postgres`, "refused", /nobody answers/],
    ] as const;
    for (const [bad, reason, message] of faults) {
      const db = await open({ url: bad });
      await expect(one(db), reason).rejects.toMatchObject({ code: "database_unavailable", details: { reason } });
      const error = vi.fn();
      const deps = { ...httpDeps(db), logger: { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error } };
      const answer = await send(
        createHandler(
          () => Promise.resolve(deps),
          () => Promise.resolve(ALL_SCOPES),
        ),
        { path: "/jobs" },
      );
      expect(answer).toMatchObject({ status: 503, body: { detail: expect.stringMatching(message) as string } });
      expect(Number(answer.headers["retry-after"])).toBeGreaterThan(0);
      expect(error).toHaveBeenCalledWith(
        expect.stringMatching(message),
        expect.objectContaining({ reason, code: "database_unavailable" }),
      );
    }
    expect(await one(await open({ url: url("app", "right", trusted) }))).toEqual([{ who: "app" }]);
  },
);

it(
  "reads the secret anew when a password was rotated, and serves the same statements and transactions",
  { timeout: 60_000 },
  async () => {
    const { admin, url, caFile } = await startSecuredPostgres();
    const trusted = `?sslrootcert=${caFile}`;
    await admin.query("create role app login password 'first'");
    let secret = url("app", "first", trusted);
    const read = vi.fn(() => Promise.resolve({ url: secret }));
    const source = createUrlSource({ url: secret }, read);
    const db = await open({ url: secret, source, max: 1 });
    expect(await one(db)).toEqual([{ who: "app" }]);

    const rotate = async (password: string) => {
      await admin.query(`alter role app password '${password}'`);
      secret = url("app", password, trusted);
      await admin.query("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'app'");
    };
    await rotate("second");
    // All of them are refused, and the secret is read once.
    expect(await Promise.all([one(db), one(db), one(db)])).toHaveLength(3);
    expect(read).toHaveBeenCalledTimes(1);
    expect(await db.transaction((tx) => tx.query("select 1 as n"))).toEqual([{ n: 1 }]);
    expect(await admin.query("select from pg_stat_activity where usename = 'app'")).toHaveLength(1);
  },
);

it("does not ask for a secret again and again that stays wrong", { timeout: 60_000 }, async () => {
  const { url, caFile } = await startSecuredPostgres();
  const wrong = { url: url("nobody", "x", `?sslrootcert=${caFile}`) };
  const read = vi.fn(() => Promise.resolve(wrong));
  const db = await open({ ...wrong, source: createUrlSource(wrong, read) });
  for (let n = 0; n < 3; n += 1) await expect(one(db)).rejects.toMatchObject({ details: { reason: "authentication" } });
  expect(read).toHaveBeenCalledTimes(1);
});

it("a listening connection reads it anew, too", { timeout: 60_000 }, async () => {
  const { admin, url, caFile } = await startSecuredPostgres();
  const trusted = `?sslrootcert=${caFile}`;
  await admin.query("create role app login password 'second'");
  await admin.query("grant usage on schema forgeq to app; grant select on all tables in schema forgeq to app");
  const old = url("app", "first", trusted);
  const source = createUrlSource({ url: old }, () => Promise.resolve({ url: url("app", "second", trusted) }));
  const works = Promise.withResolvers<void>();
  const listener = listenForHints({ url: old, source }, admin, {
    hint: () => undefined,
    change: (isListening) => isListening && works.resolve(),
  });
  onTestFinished(() => void listener.close());
  await works.promise;
  await listener.close();
});
