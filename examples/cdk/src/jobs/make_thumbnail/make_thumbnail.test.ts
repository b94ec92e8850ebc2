import assert from "node:assert/strict";
import { test } from "node:test";
import { testJob } from "forgeq/testing";
import { handler } from "./handler.ts";
import { makeThumbnail } from "./job.ts";

test("a thumbnail has the usual width unless it is given", async () => {
  const ended = await testJob(makeThumbnail, handler)({ key: "cat.jpg" });
  assert.equal(ended.outcome, "completed");
  assert.deepEqual(ended.result, { thumbnail: "thumbnails/200/cat.jpg" });
});
