import assert from "node:assert/strict";
import { test } from "node:test";
import { testJob } from "forgeq/testing";
import { handler } from "./handler.ts";
import { sendReceipt } from "./job.ts";

test("the receipt of an order is sent", async () => {
  const ended = await testJob(sendReceipt, handler)({ order: "17" });
  assert.equal(ended.outcome, "completed");
  assert.deepEqual(ended.result, { sent: "17" });
});
