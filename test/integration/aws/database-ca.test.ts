import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, expect, it, onTestFinished, vi } from "vitest";
import { isAmazonHost } from "../../../lib/aws/request.ts";
import { call } from "../../../lib/db/drivers/call.ts";
import { connectDb } from "../../../lib/db/drivers/connect.ts";
import { connection } from "../../../lib/runtime.ts";
import { startSecuredPostgres } from "../../support/database/secured.ts";

afterEach(() => vi.unstubAllEnvs());

it("trusts the authority that FORGEQ_DATABASE_CA names, as a file or as PEM", { timeout: 60_000 }, async () => {
  const { admin, url, caFile } = await startSecuredPostgres();
  await admin.query("create role app login password 'right'");
  vi.stubEnv("DATABASE_URL", url("app", "right", "?sslmode=require"));
  for (const ca of [caFile, readFileSync(caFile, "utf8")]) {
    vi.stubEnv("FORGEQ_DATABASE_CA", ca);
    const db = await connectDb(await connection());
    onTestFinished(() => db.close());
    expect(await call(db, "select ssl from pg_stat_ssl where pid = pg_backend_pid()", [])).toEqual([{ ssl: true }]);
  }

  vi.stubEnv("FORGEQ_DATABASE_CA", join(dirname(caFile), "missing.pem"));
  await expect(connection()).rejects.toThrow("FORGEQ_DATABASE_CA names a file that can't be read");

  // Lambda's own file is for Amazon's hosts.
  mkdirSync(join(dirname(caFile), "runtime"));
  copyFileSync(caFile, join(dirname(caFile), "runtime", "ca-cert.pem"));
  vi.stubEnv("FORGEQ_DATABASE_CA", "");
  vi.stubEnv("LAMBDA_RUNTIME_DIR", join(dirname(caFile), "runtime"));
  expect(await connection()).not.toHaveProperty("ca");
  vi.stubEnv("DATABASE_URL", "postgres://app:right@db.c1.eu-central-1.rds.amazonaws.com/app");
  expect(await connection()).toHaveProperty("ca", readFileSync(caFile, "utf8"));
});

it.each([
  ["postgres://a@db.c1.eu-central-1.rds.amazonaws.com/x", true],
  ["postgres://a@p.proxy-c1.us-gov-west-1.rds.amazonaws.com:5432/x", true],
  ["postgres://a@db.c1.rds.cn-north-1.amazonaws.com.cn/x", true],
  ["postgres://a@rds.amazonaws.com.example.com/x", false],
  ["postgres://a@localhost/x", false],
  ["not a url", false],
])("%s is a host of Amazon's: %s", (url, is) => {
  expect(isAmazonHost(url)).toBe(is);
});
