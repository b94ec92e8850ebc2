import { networkInterfaces } from "node:os";
import { expect, it } from "vitest";
import { jobs } from "../../functions/registry.ts";
import { queues } from "../../functions/queues.ts";
import { syncDefinitions } from "../../lib/queue/manage/sync-definitions.ts";
import { startOffline } from "../support/cli/offline.ts";
import { createTestDatabase } from "../support/database/database.ts";
import { apiOf } from "../support/http/local-api.ts";

const KEY = "a-key-of-the-offline-test";

const setup = async () => {
  const { db, url: databaseUrl } = await createTestDatabase();
  await syncDefinitions(db, jobs, queues);
  const offline = await startOffline(databaseUrl, KEY);
  return { ...offline, ...apiOf({ url: offline.url, apiKey: KEY }) };
};

it("serverless offline runs a job by itself, given a database", { timeout: 90_000 }, async () => {
  const { post, get } = await setup();
  const payload = { from: "2026-01-01T00:00:00Z", to: "2026-02-01T00:00:00Z" };
  const { status, body } = await post("/jobs", { type: "generate_report", payload });
  expect(status).toBe(201);
  await expect
    .poll(async () => (await get(`/jobs/${body.id}`)).body, { timeout: 60_000 })
    .toMatchObject({ state: "completed", attempt: 1 });
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
