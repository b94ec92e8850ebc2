import { execFile } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import { expect, it, onTestFinished } from "vitest";
import { sendEmail } from "../../../functions/handlers/send_email/job.ts";
import { syncDefinitions } from "../../../lib/queue/manage/sync-definitions.ts";
import { createTestDatabase } from "../../support/database/database.ts";

const module = (file: string): string => JSON.stringify(new URL(`../../../${file}`, import.meta.url).href);

/** An application that enqueues two jobs, each in a transaction of its own, and wakes whoever runs them. */
const APP = `
import pg from ${JSON.stringify(import.meta.resolve("pg"))};
import { enqueue } from ${module("lib/index.ts")};
import { sendEmail } from ${module("functions/handlers/send_email/job.ts")};
const client = new pg.Client(process.env.DATABASE_URL);
await client.connect();
for (const n of [1, 2]) {
  const { wake } = await enqueue(client, sendEmail, { email: "a" + n + "@example.com" });
  await wake();
}
await client.end();
process.exit(0);
`;

const setup = async () => {
  const { url, db } = await createTestDatabase();
  await syncDefinitions(db, [sendEmail], []);
  const invoked: string[] = [];
  const lambda = createServer((request, response) => {
    invoked.push(request.url ?? "");
    response.writeHead(202).end();
  });
  await new Promise<void>((done) => lambda.listen(0, "127.0.0.1", done));
  onTestFinished(() => void lambda.close());
  const run = (env: Record<string, string>) =>
    promisify(execFile)(process.execPath, ["--input-type=module-typescript", "-e", APP], {
      env: {
        PATH: process.env["PATH"],
        NODE_ENV: "production",
        DATABASE_URL: url,
        AWS_ACCESS_KEY_ID: "local",
        AWS_SECRET_ACCESS_KEY: "local",
        FORGEQ_LAMBDA_ENDPOINT: `http://127.0.0.1:${(lambda.address() as AddressInfo).port}`,
        ...env,
      },
    });
  return { db, invoked, run };
};

it("invokes no dispatcher of another service where its own is not named, and says so once", async () => {
  const { db, invoked, run } = await setup();
  const { stdout, stderr } = await run({});
  expect(await db.query("select count(*)::int as jobs from forgeq.job")).toEqual([{ jobs: 2 }]);
  expect(invoked).toEqual([]);
  expect((stdout + stderr).match(/FORGEQ_SERVICE is not set/g)).toHaveLength(1);
});

it("invokes the dispatcher of the service that is named", async () => {
  const { invoked, run } = await setup();
  const { stdout, stderr } = await run({ FORGEQ_SERVICE: "store", FORGEQ_STAGE: "prod" });
  expect(invoked[0]).toBe("/2015-03-31/functions/store-prod-dispatcher/invocations");
  expect(stdout + stderr).not.toContain("FORGEQ_SERVICE");
});
