import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { expect, it, onTestFinished } from "vitest";
import { jobs } from "../../functions/registry.ts";
import { queues } from "../../functions/queues.ts";
import { syncDefinitions } from "../../lib/queue/manage/sync-definitions.ts";
import { startOffline } from "../support/cli/offline.ts";
import { createTestDatabase } from "../support/database/database.ts";
import { startMailServer } from "../support/servers/mail-server.ts";
import { apiOf } from "../support/http/local-api.ts";

const KEY = "a-key-of-the-offline-test";

const setup = async (env: Readonly<Record<string, string>> = {}) => {
  const { db, url: databaseUrl } = await createTestDatabase();
  await syncDefinitions(db, jobs, queues);
  const offline = await startOffline(databaseUrl, KEY, env);
  return { ...offline, ...apiOf({ url: offline.url, apiKey: KEY }) };
};

/** README's recipe, and the job that it shows. */
const README = readFileSync("README.md", "utf8");
const [, RECIPE = ""] = /```sh\n([^`]*&& npx serverless offline\n)```/.exec(README) ?? [];
const [, JOB = ""] = /-d '(\{.*\})'/.exec(README) ?? [];

it("serverless offline runs jobs by itself, given what README names", { timeout: 90_000 }, async () => {
  const mail = await startMailServer();
  onTestFinished(() => mail.close());
  const settings = { DATABASE_URL: "", FORGEQ_API_KEY: "", SMTP_URL: mail.url, MAIL_FROM: "jobs@example.com" };
  expect([...RECIPE.matchAll(/\b([A-Z_]+)=/g)].map(([, name]) => name)).toEqual(Object.keys(settings));
  const { SMTP_URL, MAIL_FROM } = settings;
  const { post, get } = await setup({ SMTP_URL, MAIL_FROM });
  const completes = async (job: unknown) => {
    const { status, body } = await post("/jobs", job);
    expect(status).toBe(201);
    await expect
      .poll(async () => (await get(`/jobs/${body.id}`)).body, { timeout: 60_000 })
      .toMatchObject({ state: "completed", attempt: 1 });
  };
  await completes(JSON.parse(JOB));
  const payload = { from: "2026-01-01T00:00:00Z", to: "2026-02-01T00:00:00Z" };
  await completes({ type: "generate_report", payload });
});

it(
  "serverless offline listens for this machine alone, and takes each JSON text for a body",
  { timeout: 90_000 },
  async () => {
    const { url, httpPort, lambdaPort } = await setup();
    const post = async (body: string) => {
      const headers = { authorization: `Bearer ${KEY}`, "content-type": "application/json" };
      const response = await fetch(`${url}/jobs`, { method: "POST", headers, body });
      return [body, response.status];
    };
    expect(await Promise.all(["false", "0", "-0", "true", "1", "[]"].map(post))).toEqual(
      ["false", "0", "-0", "true", "1", "[]"].map((body) => [body, 422]),
    );
    expect(await Promise.all(["null", '""'].map(post))).toEqual([
      ["null", 400],
      ['""', 400],
    ]);
    // A route whose body is optional reads it the same way.
    const retried = await fetch(`${url}/jobs/019ab000-0000-7000-8000-000000000001/retry`, {
      method: "POST",
      headers: { authorization: `Bearer ${KEY}`, "content-type": "application/json" },
      body: "false",
    });
    expect(retried.status).toBe(422);

    const others = Object.values(networkInterfaces())
      .flat()
      .filter((each) => each?.family === "IPv4" && !each.internal);
    for (const { address } of others as { address: string }[])
      for (const port of [httpPort, lambdaPort])
        await expect(fetch(`http://${address}:${port}/health`)).rejects.toThrow();
  },
);
