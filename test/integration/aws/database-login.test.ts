import { createHash, createHmac } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { call } from "../../../lib/db/drivers/call.ts";
import { connectDb } from "../../../lib/db/drivers/connect.ts";
import { createUrlSource } from "../../../lib/db/drivers/url-source.ts";
import { connection } from "../../../lib/runtime.ts";
import { startStandIn } from "../../support/aws/stand-in.ts";
import { startSecuredPostgres } from "../../support/database/secured.ts";

beforeEach(() => {
  vi.stubEnv("AWS_REGION", "eu-central-1");
  vi.stubEnv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "secret");
  vi.stubEnv("AWS_SESSION_TOKEN", "to/ken+=");
});
afterEach(() => vi.unstubAllEnvs());

const SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:forgeq-AbCdEf";

const startSecretsManager = async (secret: () => unknown) => {
  const standIn = await startStandIn(() => ({ body: { SecretString: secret() } }));
  vi.stubEnv("AWS_ENDPOINT_URL_SECRETS_MANAGER", standIn.endpoint);
  vi.stubEnv("FORGEQ_DATABASE_SECRET", SECRET);
  return standIn;
};

describe("a secret of Secrets Manager", () => {
  it("gives the login of the database's URL, and a new one after its rotation", { timeout: 60_000 }, async () => {
    const { admin, url, caFile } = await startSecuredPostgres();
    await admin.query("create role app login password 'a:/@%é'");
    let password = "a:/@%é";
    const { seen } = await startSecretsManager(() => JSON.stringify({ username: "app", password }));
    vi.stubEnv("DATABASE_URL", url("nobody", "", `?sslrootcert=${caFile}`));
    const db = await connectDb(await connection());
    onTestFinished(() => db.close());
    const who = () => call(db, "select current_user::text as who", []);
    expect(await who()).toEqual([{ who: "app" }]);
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatchObject({ operation: "GetSecretValue", body: JSON.stringify({ SecretId: SECRET }) });
    expect(seen[0]!.headers.authorization).toContain("/eu-central-1/secretsmanager/aws4_request");

    password = "second";
    await admin.query("alter role app password 'second'");
    await admin.query("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'app'");
    expect(await who()).toEqual([{ who: "app" }]);
    expect(seen).toHaveLength(2);
  });

  it.each([
    [
      JSON.stringify({ username: "u", password: "p/w", host: "db.example.com", port: 6432, dbname: "app" }),
      "postgres://u:p%2Fw@db.example.com:6432/app",
    ],
    ["postgres://a:b@c.example.com/d", "postgres://a:b@c.example.com/d"],
  ])("may hold the whole address: %s", async (secret, url) => {
    await startSecretsManager(() => secret);
    vi.stubEnv("DATABASE_URL", "");
    expect((await connection()).url).toBe(url);
  });

  it.each([
    ["not json", "it is neither JSON nor a URL"],
    [JSON.stringify({ username: "u", password: "p" }), "DATABASE_URL names no host"],
    [undefined, "it is not text"],
  ])("that is no login is refused without being shown: %s", async (secret, reason) => {
    await startSecretsManager(() => secret);
    vi.stubEnv("DATABASE_URL", "");
    await expect(connection()).rejects.toMatchObject({
      code: "secrets_unavailable",
      message: expect.stringContaining(reason) as string,
    });
  });
});

/** Amazon's own recipe. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html */
const signatureOf = (token: URL): string => {
  const query = [...token.searchParams].filter(([name]) => name !== "X-Amz-Signature");
  const encode = (part: string) =>
    encodeURIComponent(part).replace(/[!'()*]/g, (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`);
  const canonicalQuery = query
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join("&");
  const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
  const canonical = ["GET", "/", canonicalQuery, `host:${token.host}`, "", "host", sha256("")].join("\n");
  const at = token.searchParams.get("X-Amz-Date") ?? "";
  const scope = [at.slice(0, 8), "eu-central-1", "rds-db", "aws4_request"];
  const key = scope.reduce<Buffer | string>(
    (last, part) => createHmac("sha256", last).update(part).digest(),
    "AWS4secret",
  );
  const toSign = ["AWS4-HMAC-SHA256", at, scope.join("/"), sha256(canonical)].join("\n");
  return createHmac("sha256", key).update(toSign).digest("hex");
};

describe("IAM authentication", () => {
  it("signs a token for the role of the URL, and goes through as its password", { timeout: 60_000 }, async () => {
    const { admin, url, caFile } = await startSecuredPostgres();
    vi.stubEnv("FORGEQ_DATABASE_IAM", "cluster-ABC/app");
    vi.stubEnv("DATABASE_URL", url("app", "", `?sslrootcert=${caFile}`));
    const options = await connection();
    const password = decodeURIComponent(new URL(options.url).password);
    const token = new URL(`https://${password}`);
    expect(Object.fromEntries(token.searchParams)).toMatchObject({
      Action: "connect",
      DBUser: "app",
      "X-Amz-Expires": "900",
      "X-Amz-Security-Token": "to/ken+=",
      "X-Amz-Credential": expect.stringMatching(/^AKIDEXAMPLE\/\d{8}\/eu-central-1\/rds-db\/aws4_request$/) as string,
    });
    expect(token.host).toBe(new URL(options.url).host);
    expect(token.searchParams.get("X-Amz-Signature")).toBe(signatureOf(token));
    expect(options.source?.hasEnded()).toBe(false);

    await admin.query(`create role app login password '${password}'`);
    const db = await connectDb(options);
    onTestFinished(() => db.close());
    expect(await call(db, "select current_user::text as who", [])).toEqual([{ who: "app" }]);
  });

  it("makes a token anew before it ends, without a refusal", { timeout: 60_000 }, async () => {
    const { admin, url, caFile } = await startSecuredPostgres();
    await admin.query("create role app login password 'second'");
    const read = vi.fn(() => Promise.resolve({ url: url("app", "second", `?sslrootcert=${caFile}`) }));
    const ended = { url: url("app", "first", `?sslrootcert=${caFile}`), untilMs: performance.now() };
    const refused = vi.fn();
    const db = await connectDb({ url: ended.url, source: createUrlSource(ended, read) });
    onTestFinished(() => db.close());
    expect(await db.query("select current_user::text as who").catch(refused)).toEqual([{ who: "app" }]);
    expect(read).toHaveBeenCalledTimes(1);
    expect(refused).not.toHaveBeenCalled();
  });
});
