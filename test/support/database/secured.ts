import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { connectDb } from "../../../lib/db/drivers/connect.ts";
import { migrate } from "../../../lib/db/schema/migrate.ts";
import { credentials } from "../../../lib/local/postgres-binaries.ts";
import { startPostgres } from "../../../lib/local/postgres.ts";
import { temporaryFolder } from "../cli/start-local.ts";

export interface SecuredPostgres {
  /** Of the superuser, who needs no password and no TLS. */
  readonly admin: Db;
  readonly port: number;
  /** The file of the authority that signed the server's certificate. */
  readonly caFile: string;
  /** Done by itself at the end of a test. */
  stop(): Promise<void>;
  /** Of a role, over TLS unless its certificate or `sslmode` says otherwise. */
  readonly url: (role: string, password: string, parameters?: string) => string;
}

const run = (folder: string, args: readonly string[]) =>
  execFileSync("openssl", args, { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });

/** An authority, and a certificate for the name that it has signed. */
const makeCertificates = (folder: string, name: string): void => {
  const key = (file: string) => ["-newkey", "rsa:2048", "-nodes", "-keyout", `${file}.key`];
  run(folder, ["req", "-x509", ...key("ca"), "-out", "ca.pem", "-days", "2", "-subj", "/CN=ForgeQ test authority"]);
  run(folder, ["req", ...key("server"), "-out", "server.csr", "-subj", `/CN=${name}`]);
  writeFileSync(join(folder, "names.cnf"), `subjectAltName=DNS:${name}\n`);
  run(folder, [
    ...["x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"],
    ...["-out", "server.pem", "-days", "2", "-extfile", "names.cnf"],
  ]);
};

/**
 * A migrated Postgres that asks every role but the superuser for its password, over TLS only. Inside a test it ends with the test.
 *
 * @param name - of its certificate; its host is localhost whatever that is
 */
export const startSecuredPostgres = async (
  settings: Readonly<Record<string, string>> = {},
  name = "localhost",
): Promise<SecuredPostgres> => {
  const folder = temporaryFolder();
  const binFolder = process.env["FORGEQ_TEST_PG_BIN"];
  const server = await startPostgres({
    dataDir: join(folder.path, "pg"),
    durable: false,
    settings,
    ...(binFolder === undefined ? {} : { binFolder }),
  });
  makeCertificates(folder.path, name);
  const { uid, gid } = credentials();
  const put = (from: string, to: string): void => {
    const file = join(server.dataDir, to);
    execFileSync("cp", [join(folder.path, from), file]);
    chmodSync(file, 0o600);
    if (uid !== undefined && gid !== undefined) chownSync(file, uid, gid);
  };
  put("server.pem", "server.crt");
  put("server.key", "server.key");
  writeFileSync(
    join(server.dataDir, "pg_hba.conf"),
    ["host all postgres 127.0.0.1/32 trust", "hostssl all all 127.0.0.1/32 scram-sha-256", ""].join("\n"),
  );
  const admin = await connectDb({ url: server.url(), statementSeconds: 60 });
  const stop = async () => {
    await admin.close();
    await server.stop();
    folder.remove();
  };
  try {
    onTestFinished(stop);
  } catch {
    // Not inside a test: the caller stops it.
  }
  await admin.query("alter system set ssl = on");
  await admin.query("select pg_reload_conf()");
  await migrate(admin);
  return {
    admin,
    port: server.port,
    caFile: join(folder.path, "ca.pem"),
    stop,
    url: (role, password, parameters = "") =>
      `postgres://${role}:${encodeURIComponent(password)}@localhost:${server.port}/postgres${parameters}`,
  };
};
