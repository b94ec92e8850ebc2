import { describe, expect, it } from "vitest";
import { setupApi } from "../support/http/api.ts";
import { keysWith } from "../support/http/http.ts";
import { FINISHED, ID, LIVE, OTHER } from "../support/http/jobs.ts";

const none = () => [];

describe("POST /jobs/{id}/cancel", () => {
  const cancelling = (outcome: string, state: string | null = null) =>
    setupApi({ cancel: () => [{ outcome, state }], get_live: () => [LIVE], attempts: none });

  it.each([
    ["cancelled", 200],
    ["requested", 202],
  ])("answers %s with %d and the job", async (outcome, status) => {
    expect(await cancelling(outcome).post(`/jobs/${OTHER}/cancel`)).toMatchObject({ status, body: { id: OTHER } });
  });

  it.each([
    ["completed", 409],
    ["dead", 409],
    ["cancelled", 200],
  ])("answers what is true where the job is %s by the time it is read: %d", async (state, status) => {
    const ended = setupApi({
      cancel: () => [{ outcome: "requested", state: null }],
      get_live: none,
      get_finished: () => [{ ...FINISHED, state }],
      attempts: none,
    });
    expect(await ended.post(`/jobs/${ID}/cancel`)).toMatchObject({ status, body: { state } });
  });

  it("answers 409 with the state of a finished job, 404, and 503 while the job changes hands", async () => {
    expect(await cancelling("finished", "dead").post(`/jobs/${ID}/cancel`)).toMatchObject({
      status: 409,
      body: { code: "illegal_state", state: "dead" },
    });
    expect(await cancelling("not_found").post(`/jobs/${ID}/cancel`)).toHaveProperty("status", 404);
    expect(await cancelling("busy").post(`/jobs/${ID}/cancel`)).toMatchObject({
      status: 503,
      headers: { "retry-after": "1" },
    });
    expect(await cancelling("cancelled").post("/jobs/x/cancel")).toHaveProperty("status", 404);
  });
});

describe("POST /jobs/{id}/retry", () => {
  it("answers 200 with the job", async () => {
    const { post } = setupApi({
      get_live: none,
      get_finished: () => [{ ...FINISHED, state: "dead" }],
      attempts: none,
      retry: () => [{ outcome: "retried", holderId: null }],
    });
    expect(await post(`/jobs/${ID}/retry`)).toMatchObject({ status: 200, body: { id: ID } });
  });

  it("answers 409 with the state of a live job, and 404", async () => {
    const live = setupApi({ get_live: () => [LIVE], attempts: none });
    expect(await live.post(`/jobs/${OTHER}/retry`)).toMatchObject({
      status: 409,
      body: { code: "illegal_state", state: "pending" },
    });
    expect(await setupApi({ get_live: none, get_finished: none }).post(`/jobs/${ID}/retry`)).toHaveProperty(
      "status",
      404,
    );
  });

  it.each([
    [{ life: 0 }, 422, "invalid_job", "/life"],
    [{ life: 1.5 }, 422, "invalid_job", "/life"],
    [{ life: "1" }, 422, "invalid_job", "/life"],
    [{ life: 1e10 }, 422, "invalid_job", "/life"],
    [{ lives: 1 }, 422, "invalid_job", "/lives"],
    [[], 422, "invalid_job", ""],
    ["{", 400, "malformed_json", undefined],
  ])("refuses the body %j without a query", async (body, status, code, pointer) => {
    const { post, query } = setupApi();
    const answer = await post(`/jobs/${ID}/retry`, body);
    expect(answer).toMatchObject({ status, body: { code } });
    if (pointer !== undefined) expect(answer.body.errors).toMatchObject([{ pointer }]);
    expect(query).not.toHaveBeenCalled();
  });

  it("takes an empty body of whatever content type, as before", async () => {
    const { post } = setupApi({ get_live: () => [LIVE], attempts: none });
    for (const body of [undefined, "", " \n"])
      expect(await post(`/jobs/${OTHER}/retry`, body)).toMatchObject({ status: 409, body: { code: "illegal_state" } });
  });

  it("answers 409 when the unique key is taken or the payload gone", async () => {
    for (const [outcome, code] of [
      ["unique_key", "unique_key_conflict"],
      ["payload_gone", "payload_gone"],
    ] as const) {
      const { post } = setupApi({
        get_live: none,
        get_finished: () => [FINISHED],
        attempts: none,
        retry: () => [{ outcome, holderId: OTHER }],
      });
      expect(await post(`/jobs/${ID}/retry`)).toMatchObject({ status: 409, body: { code } });
    }
  });
});

describe("scopes", () => {
  it("separates reading from managing", async () => {
    const reader = setupApi({ queue_page: none, queue_dead: none, list_jobs: none }, keysWith("jobs:read"));
    expect(await reader.get("/queues")).toHaveProperty("status", 200);
    expect(await reader.get("/jobs")).toHaveProperty("status", 200);
    for (const path of [`/jobs/${ID}/cancel`, `/jobs/${ID}/retry`, "/queues/emails/pause", "/queues/emails/resume"])
      expect(await reader.post(path)).toMatchObject({ status: 403, body: { scope: "jobs:manage" } });
    const writer = setupApi({}, keysWith("jobs:write", "jobs:manage"));
    for (const path of ["/jobs", `/jobs/${ID}`, "/queues", "/queues/emails"])
      expect(await writer.get(path)).toMatchObject({ status: 403, body: { scope: "jobs:read" } });
  });
});
