import { appendFileSync, chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { call } from "../../../lib/db/drivers/call.ts";
import type { ConnectOptions } from "../../../lib/db/drivers/client.ts";
import { connectDb } from "../../../lib/db/drivers/connect.ts";
import { clientConfig, UrlClient } from "../../../lib/db/drivers/pg.ts";
import { startPostgres } from "../../../lib/local/postgres.ts";
import { temporaryFolder } from "../../support/cli/cli.ts";
import { type SecuredPostgres, startSecuredPostgres } from "../../support/database/secured.ts";

const sockets = mkdtempSync(join(tmpdir(), "forgeq-s-"));
/** Its certificate is of another name than localhost. */
let server: SecuredPostgres;

beforeAll(async () => {
  chmodSync(sockets, 0o777);
  server = await startSecuredPostgres({ unix_socket_directories: sockets }, "database.test");
  await server.admin.query("create role app login password 'right'");
  const [row] = await server.admin.query<{ hba_file: string }>("show hba_file");
  appendFileSync(row!.hba_file, "local all all scram-sha-256\n");
  await server.admin.query("select pg_reload_conf()");
}, 60_000);
afterAll(async () => {
  await server.stop();
  rmSync(sockets, { recursive: true });
});

const isSecure = async (options: ConnectOptions) => {
  const db = await connectDb(options);
  onTestFinished(() => db.close());
  const rows = await call<{ ssl: boolean }>(db, "select ssl from pg_stat_ssl where pid = pg_backend_pid()", []);
  return rows[0]!.ssl;
};

describe("a socket", () => {
  it.each([
    ["as the host", () => `postgres://app:right@${encodeURIComponent(sockets)}:${server.port}/postgres`],
    [
      "with an sslmode",
      () => `postgres://app:right@${encodeURIComponent(sockets)}:${server.port}/postgres?sslmode=require`,
    ],
    ["without a host", () => `postgres://app:right@/postgres?host=${sockets}&port=${server.port}`],
    ["without a host, with a port", () => `postgresql://app:right@:${server.port}/postgres?host=${sockets}`],
    [
      "without a login before it",
      () => `postgres:///postgres?host=${sockets}&port=${server.port}&user=app&password=right`,
    ],
  ])("is reached by a URL that has it %s, without TLS", async (_, url) => {
    expect(await isSecure({ url: url() })).toBe(false);
  });
});

const certificate = { code: "database_unavailable", details: { reason: "certificate" } };

describe("sslmode", () => {
  it.each(["?sslmode=no-verify", "?ssl=no-verify"])("%s takes any certificate", async (mode) => {
    expect(await isSecure({ url: server.url("app", "right", mode) })).toBe(true);
  });

  it("verify-ca takes another name from an authority of one's own", async () => {
    const { url, caFile } = server;
    expect(await isSecure({ url: url("app", "right", `?sslmode=verify-ca&sslrootcert=${caFile}`) })).toBe(true);
  });

  it.each(["verify-ca", "verify-full", "require"])("%s refuses an authority that is not known", async (mode) => {
    await expect(isSecure({ url: server.url("app", "right", `?sslmode=${mode}`) })).rejects.toMatchObject(certificate);
  });

  it.each(["verify-full", "require", "prefer", "allow"])("%s refuses another name", async (mode) => {
    const url = server.url("app", "right", `?sslmode=${mode}&sslrootcert=${server.caFile}`);
    await expect(isSecure({ url })).rejects.toMatchObject(certificate);
  });

  it.each([
    ["?sslmode=verify_full", "has an sslmode other than disable, allow"],
    ["?sslrootcert=/missing.pem", "sslrootcert of the database's URL names a file that can't be read"],
  ])("%s is refused with a clear sentence", async (parameters, message) => {
    const url = server.url("app", "right", parameters);
    await expect(connectDb({ url })).rejects.toMatchObject({ message: expect.stringContaining(message) as string });
  });

  it.each([
    ["postgres://u@db.example.com/x", { rejectUnauthorized: true }],
    ["postgres://u@db.example.com/x?sslmode=prefer", { rejectUnauthorized: true }],
    ["postgres://u@db.example.com/x?ssl=true&sslrootcert=system", { rejectUnauthorized: true }],
    ["postgres://u@db.example.com/x?sslmode=verify-ca", { rejectUnauthorized: true }],
    ["postgres://u@localhost/x?host=db.example.com", { rejectUnauthorized: true }],
    ["postgres://u@/x?host=db.example.com", { rejectUnauthorized: true }],
    ["postgres://u@db.example.com/x?ssl=false", false],
    ["postgres://u@localhost/x?sslmode=prefer", false],
    ["postgres://u@db.example.com/x?host=::1", false],
  ])("%s: %j", (url, ssl) => {
    const config = clientConfig({ url });
    expect(config.ssl).toEqual(ssl);
    expect(config.connectionString).not.toMatch(/ssl/);
  });
});

it("a password may have what looks like the end of a login", () => {
  const { connectionString } = clientConfig({ url: "postgres://u:p@:x@db.example.com/y" });
  expect(new URL(connectionString!)).toMatchObject({ password: "p%40%3Ax", hostname: "db.example.com" });
});

describe("with libpq's variables in the environment", () => {
  beforeEach(() => {
    const set = {
      ...{ PGHOST: "db.example.com", PGPORT: "1", PGDATABASE: "other", PGSSLMODE: "disable", PGREQUIRESSL: "0" },
      ...{ PGSSLNEGOTIATION: "direct", PGOPTIONS: "-c search_path=nowhere", PGCLIENTENCODING: "LATIN1" },
      ...{ PGCLIENT_ENCODING: "LATIN1", PGREPLICATION: "database", PGSERVICE: "other", PGTZ: "Asia/Tokyo" },
      ...{ PGDATESTYLE: "German", PGBINARY: "1" },
    };
    for (const [name, value] of Object.entries(set)) vi.stubEnv(name, value);
  });
  afterEach(() => void vi.unstubAllEnvs());

  it.each([
    ["postgres:///app?user=u", { host: "localhost", port: 5432, database: "app", ssl: false }],
    ["postgres://u@/app", { host: "localhost", port: 5432, database: "app", ssl: false }],
    ["postgres://u@:6432/app", { host: "localhost", port: 6432, database: "app", ssl: false }],
    ["postgres://u@/app?host=/run/postgresql", { host: "/run/postgresql", port: 5432, ssl: false }],
    ["postgres://u@db.test", { host: "db.test", port: 5432, database: "u", ssl: { rejectUnauthorized: true } }],
    ["postgres://db.test/?user=u", { host: "db.test", port: 5432, database: "u", ssl: { rejectUnauthorized: true } }],
    ["postgres://u@db.test/x?port=7", { host: "db.test", port: 7, database: "x", ssl: { rejectUnauthorized: true } }],
  ])("%s leads where it says", (url, expected) => {
    const { host, port, database, ssl } = new UrlClient(clientConfig({ url })) as unknown as Record<string, unknown>;
    expect({ host, port, database, ssl }).toMatchObject(expected);
  });

  it("a session is as its URL says, encrypted, and asks for a password by PGPASSWORD alone", async () => {
    vi.stubEnv("PGPASSWORD", "right");
    const options = encodeURIComponent("-c work_mem=5MB");
    const url = server.url("app", "", `?sslmode=verify-ca&sslrootcert=${server.caFile}&options=${options}`);
    const db = await connectDb({ url });
    onTestFinished(() => db.close());
    const [row] = await call<Record<string, unknown>>(
      db,
      `select ssl, current_setting('search_path') as path, current_setting('client_encoding') as encoding, current_setting('work_mem') as memory, 'é' as text
       from pg_stat_ssl where pid = pg_backend_pid()`,
      [],
    );
    expect(row).toEqual({ ssl: true, path: '"$user", public', encoding: "UTF8", memory: "5MB", text: "é" });
  });

  it("the embedded Postgres of a folder starts", { timeout: 60_000 }, async () => {
    vi.stubEnv("PGSSLMODE", "require");
    const folder = temporaryFolder();
    const embedded = await startPostgres({ dataDir: join(folder, "data"), durable: false });
    onTestFinished(() => embedded.stop());
    const db = await connectDb({ url: embedded.url() });
    onTestFinished(() => db.close());
    expect(await call(db, "select 1 as one", [])).toEqual([{ one: 1 }]);
  });
});
