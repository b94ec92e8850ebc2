import { spawn } from "node:child_process";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { jobs } from "../../functions/registry.ts";
import { queues } from "../../functions/queues.ts";
import { freePort } from "../../lib/local/postgres.ts";
import { syncDefinitions } from "../../lib/queue/manage/sync-definitions.ts";
import { createTestDatabase } from "../support/database/database.ts";
import { apiOf } from "../support/http/local-api.ts";
import { ROOT, temporaryFolder } from "../support/cli/start-local.ts";

it("serverless offline runs a job by itself, given a database", { timeout: 90_000 }, async () => {
  const { db, url: databaseUrl } = await createTestDatabase();
  await syncDefinitions(db, jobs, queues);
  const folder = temporaryFolder();
  onTestFinished(folder.remove);
  const [httpPort, lambdaPort] = [await freePort(), await freePort()];
  const args = ["offline", "--host", "127.0.0.1", "--httpPort", String(httpPort), "--lambdaPort", String(lambdaPort)];
  const child = spawn(process.execPath, [join(ROOT, "node_modules/serverless/bin/serverless.js"), ...args], {
    cwd: ROOT,
    env: {
      PATH: process.env["PATH"] ?? "",
      DATABASE_URL: databaseUrl,
      FORGEQ_API_KEY: "a-key-of-the-offline-test",
      FORGEQ_LAMBDA_ENDPOINT: `http://127.0.0.1:${lambdaPort}`,
      FORGEQ_REPORTS: folder.path,
    },
    stdio: "ignore",
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const url = `http://127.0.0.1:${httpPort}`;
  const { post, get } = apiOf({ url, apiKey: "a-key-of-the-offline-test" });
  await expect.poll(() => fetch(`${url}/health`).then(({ ok }) => ok, () => false), { timeout: 60_000 }).toBe(true); // prettier-ignore

  const payload = { from: "2026-01-01T00:00:00Z", to: "2026-02-01T00:00:00Z" };
  const { status, body } = await post("/jobs", { type: "generate_report", payload });
  expect(status).toBe(201);
  await expect
    .poll(async () => (await get(`/jobs/${body.id}`)).body, { timeout: 60_000 })
    .toMatchObject({ state: "completed", attempt: 1 });
});
