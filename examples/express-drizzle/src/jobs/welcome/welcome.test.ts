import assert from "node:assert/strict";
import { test } from "node:test";
import { lambdaHandler } from "forgeq/job";
import { testJob } from "forgeq/testing";
import { welcome } from "./job.ts";

test("an address that is none is refused, before anything runs", async () => {
  const never = lambdaHandler(welcome, () => Promise.reject(new Error("it has run")));
  await assert.rejects(testJob(welcome, never)({ email: "nobody" }), { code: "invalid_payload" });
});
