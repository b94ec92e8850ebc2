import { randomBytes } from "node:crypto";
import { statSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { startForgeq, temporaryFolder } from "../../support/cli/cli.ts";
import { startServer } from "../../support/cli/project.ts";
import { setup } from "../../support/queue.ts";
import { sendEmail } from "../../../functions/handlers/send_email/job.ts";

const TIME_OUT_MS = 120_000;
const FORGEQ_SECRET = randomBytes(32).toString("base64url");
const MAIL = { type: "send_email", payload: { email: "a@example.com" } };

it(
  "makes a key that the server takes without a restart, shows it never again, and ends it",
  async () => {
    const s = await setup({ jobs: [sendEmail], queues: [], realClock: true });
    const env = { DATABASE_URL: s.url, FORGEQ_SECRET };
    const server = await startServer(process.cwd(), { ...env, NODE_ENV: "production", FORGEQ_API_KEY: "" });
    expect(server.stderr()).not.toContain("No API key is configured");
    const forgeq = (...args: string[]) => startForgeq(["keys", ...args], { env }).ended;

    const made = await forgeq(
      "create",
      "web shop",
      "--scopes",
      "jobs:write,jobs:read",
      "--types",
      "send_email",
      "--days",
      "30",
    );
    expect(made.code).toBe(0);
    const key = made.stdout.trim();
    expect(made.stderr).not.toContain(key);
    const id = /^(fq_[0-9a-f]{12})_/.exec(key)?.[1] ?? "";
    const ask = (path: string, with_ = key) =>
      fetch(server.origin + path, { headers: { authorization: `Bearer ${with_}` } });
    expect((await ask("/jobs")).status).toBe(200);
    expect((await server.post("/jobs", MAIL, { authorization: `Bearer ${key}` })).status).toBe(201);
    expect((await ask("/metrics")).status).toBe(403);
    expect(
      (
        await ask(
          "/jobs",
          key.replace(/.$/, (last) => (last === "A" ? "Q" : "A")),
        )
      ).status,
    ).toBe(401);

    const [listed] = (await forgeq("list", "--json")).stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as object);
    expect(listed).toMatchObject({
      ...{
        id,
        label: "web shop",
        scopes: ["jobs:write", "jobs:read"],
        types: ["send_email"],
        queues: null,
        revoked_at: null,
      },
      last_used_on: expect.stringMatching(/^\d{4}-\d\d-\d\d$/) as string,
    });
    const [row] = await s.db.query<{ text: string; days: number }>(
      "select k::text as text, extract(day from expires_at - created_at)::int as days from forgeq.api_key k",
    );
    expect(row?.days).toBe(30);
    // Of fq_ID_SECRET_CHECK the secret, which may have underscores of its own.
    const secret = key.slice(key.indexOf("_", "fq_".length) + 1).slice(0, 30);
    expect(row?.text).not.toContain(secret);
    expect((await forgeq("list")).stdout).toMatch(new RegExp(`${id} +web shop +valid`));

    expect((await forgeq("revoke", id)).stderr).toContain("ends within a minute");
    expect((await forgeq("list")).stdout).toMatch(new RegExp(`${id} +web shop +revoked`));
    expect((await forgeq("revoke", "fq_000000000000")).code).toBe(1);
    const again = await startServer(process.cwd(), { ...env, NODE_ENV: "production", FORGEQ_API_KEY: "" });
    expect((await fetch(`${again.origin}/jobs`, { headers: { authorization: `Bearer ${key}` } })).status).toBe(401);
    for (const each of [server, again]) each.child.kill("SIGTERM");
    await Promise.all([server.ended, again.ended]);
    expect(server.stderr() + server.stdout()).not.toContain(key);
  },
  TIME_OUT_MS,
);

it(
  "needs FORGEQ_SECRET, but for the embedded database, which has one of its own",
  async () => {
    const s = await setup();
    const create = ["keys", "create", "web", "--scopes", "jobs:read"];
    for (const secret of ["", "short"]) {
      const refused = await startForgeq(create, { env: { DATABASE_URL: s.url, FORGEQ_SECRET: secret } }).ended;
      expect(refused).toMatchObject({ code: 2, stdout: "" });
      expect(refused.stderr).toContain("FORGEQ_SECRET is not");
    }
    expect(
      (
        await startForgeq([...create.slice(0, 3), "--scopes", "everything"], {
          env: { DATABASE_URL: s.url, FORGEQ_SECRET },
        }).ended
      ).code,
    ).toBe(2);
    const folder = join(temporaryFolder(), ".forgeq");
    const made = await startForgeq([...create, "--dir", folder]).ended;
    expect(made).toMatchObject({ code: 0, stdout: expect.stringMatching(/^fq_/) as string });
    expect(statSync(join(folder, "secret")).mode & 0o777).toBe(0o600);
  },
  TIME_OUT_MS,
);
