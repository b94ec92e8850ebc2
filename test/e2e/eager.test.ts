import { expect, it, onTestFinished, vi } from "vitest";
import { createTestDatabase } from "../support/database/database.ts";
import { startLocal, temporaryFolder } from "../support/cli/start-local.ts";

// Generous: the machine may be busy.
vi.setConfig({ testTimeout: 120_000 });

it("hands a posted job from the enqueue function to its handler, each a process of its own", async () => {
  const folder = temporaryFolder();
  onTestFinished(folder.remove);
  const database = await createTestDatabase({ empty: true });
  const invoked: string[] = [];
  const run = await startLocal({
    folder: folder.path,
    env: { DATABASE_URL: database.url, FORGEQ_EAGER: "true" },
    faults: (functionName) => {
      if (functionName.includes("-handler-")) invoked.push(functionName);
      return undefined;
    },
  });
  onTestFinished(() => run.stop());

  const posted = await run.api.post("/jobs", { type: "send_email", payload: { email: "test@example.com" } });
  expect(posted).toMatchObject({ status: 201, body: { state: "leased", attempt: 1 } });
  const job = await run.api.inState(posted.body.id, "completed");

  expect(job.attempts).toMatchObject([{ number: 1, outcome: "completed" }]);
  expect(invoked).toEqual(["forgeq-dev-handler-send_email"]);
  // A claim that is named as the job is its enqueue's.
  const leases = await database.db.query<{ claim_id: string }>("select claim_id from forgeq.lease_closed");
  expect(leases).toEqual([{ claim_id: job.id }]);
});
