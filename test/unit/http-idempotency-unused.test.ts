import { expect, it, vi } from "vitest";
import { GOOD, setup } from "../support/http/enqueue-api.ts";

vi.mock("../../lib/functions/routes/answer-by-key.ts", () => {
  throw new Error("loaded");
});

it("what an Idempotency-Key needs is loaded by the first request that has one", async () => {
  const { post, query } = setup();
  expect(await post(GOOD)).toMatchObject({ status: 201 });
  expect(query).toHaveBeenCalledTimes(1);
  expect(await post(GOOD, { "idempotency-key": "k" })).toMatchObject({ status: 500 });
});
