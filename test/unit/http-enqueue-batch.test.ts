import { describe, expect, it } from "vitest";
import { GOOD, ID, setup } from "../support/http/enqueue-api.ts";
import { ALL_SCOPES } from "../support/http/http.ts";

describe("POST /jobs/batch", () => {
  it("answers 201 with a job for each, in their order", async () => {
    const { postBatch, stored } = setup();
    const { status, body } = await postBatch({
      jobs: [
        { ...GOOD, id: ID },
        { type: "anything", payload: [1] },
      ],
    });
    expect(status).toBe(201);
    expect(body.jobs.map((job: { type: string }) => job.type)).toEqual(["send_email", "anything"]);
    expect(body.jobs[0].id).toBe(ID);
    expect(stored).toHaveLength(2);
  });

  it("names every wrong item, and stores none", async () => {
    const { postBatch, query } = setup();
    const wrong = { ...GOOD, payload: { email: "no" } };
    const { status, body } = await postBatch({
      jobs: [GOOD, wrong, { ...GOOD, type: "none" }, { ...wrong, priority: -1 }],
    });
    expect(status).toBe(422);
    expect(body).toMatchObject({
      code: "invalid_payload",
      errors: [{ pointer: "/jobs/1/payload/email" }, { pointer: "/jobs/2/type" }, { pointer: "/jobs/3/priority" }],
    });
    expect(query).not.toHaveBeenCalled();
  });

  it("takes 1 to 1,000 jobs", async () => {
    const { postBatch } = setup();
    const batch = (count: number) => postBatch({ jobs: Array.from({ length: count }, () => GOOD) });
    expect(await batch(1000)).toHaveProperty("status", 201);
    for (const count of [0, 1001])
      expect(await batch(count)).toMatchObject({ status: 422, body: { errors: [{ pointer: "/jobs" }] } });
  });

  it("takes 5 MB", async () => {
    const { postBatch } = setup();
    const big = { type: "anything", payload: "x".repeat(250_000) };
    expect(await postBatch({ jobs: Array.from({ length: 21 }, () => big) })).toMatchObject({ status: 413 });
    expect(await postBatch({ jobs: Array.from({ length: 19 }, () => big) })).toMatchObject({ status: 201 });
  });

  it.each([[{}], [{ jobs: {} }], [{ jobs: [1] }], [{ jobs: [GOOD], atomic: true }], [[GOOD]]])(
    "refuses %j",
    async (body) => {
      expect(await setup().postBatch(body)).toMatchObject({ status: 422, body: { code: "invalid_job" } });
    },
  );

  it("points at the item that the database refuses", async () => {
    const { postBatch } = setup(ALL_SCOPES, { code: "FQ004", detail: {} });
    expect(await postBatch({ jobs: [GOOD, GOOD, { ...GOOD, id: ID }] })).toMatchObject({
      status: 409,
      body: { code: "id_conflict", errors: [{ pointer: "/jobs/2/id" }] },
    });
  });
});
