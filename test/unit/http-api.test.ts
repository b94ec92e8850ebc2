import { describe, expect, it } from "vitest";
import { encodeCursor } from "../../lib/http/wire.ts";
import { setupApi } from "../support/http/api.ts";
import { keysWith } from "../support/http/http.ts";

const ID = "019ab000-0000-7000-8000-00000000000a";
const OTHER = "019ab000-0000-7000-8000-000000000001";
const LEASE = "019ab000-0000-7000-8000-0000000000ff";
const AT = (second: number) => new Date(Date.UTC(2030, 0, 1, 0, 0, second));

const FINISHED = {
  id: ID,
  type: "send_email",
  queue: "emails",
  state: "completed",
  priority: 5,
  payload: { email: "test@example.com" },
  metadata: {},
  uniqueKey: null,
  attempt: 2,
  maxAttempts: 8,
  progress: null,
  createdAt: AT(0),
  runAt: AT(1),
  startedAt: AT(2),
  finishedAt: AT(3),
  result: { message_id: "m" },
  error: null,
  life: 1,
  leaseId: LEASE,
};

const FAILED = {
  jobId: ID,
  life: 1,
  number: 1,
  outcome: "retry",
  leaseId: LEASE,
  beganAt: AT(0),
  endedAt: AT(1),
  error: { name: "Error", message: "no" },
};

const LIVE = {
  ...FINISHED,
  id: OTHER,
  state: "pending",
  startedAt: null,
  finishedAt: null,
  result: null,
  attempt: 0,
  leaseId: null,
};

const none = () => [];

describe("GET /jobs/{id}", () => {
  it("shows the job as the API writes it, with payload and attempts", async () => {
    const { get } = setupApi({ get_live: none, get_finished: () => [FINISHED], attempts: () => [FAILED] });
    const { status, body } = await get(`/jobs/${ID.toUpperCase()}`);
    expect(status).toBe(200);
    expect(body).toEqual({
      id: ID,
      type: "send_email",
      queue: "emails",
      state: "completed",
      priority: 5,
      payload: { email: "test@example.com" },
      metadata: {},
      unique_key: null,
      attempt: 2,
      max_attempts: 8,
      life: 1,
      progress: null,
      created_at: "2030-01-01T00:00:00.000Z",
      run_at: "2030-01-01T00:00:01.000Z",
      started_at: "2030-01-01T00:00:02.000Z",
      finished_at: "2030-01-01T00:00:03.000Z",
      result: { message_id: "m" },
      error: null,
      attempts: [
        {
          number: 1,
          outcome: "retry",
          lease_id: LEASE,
          began_at: "2030-01-01T00:00:00.000Z",
          ended_at: "2030-01-01T00:00:01.000Z",
          error: { name: "Error", message: "no" },
        },
        {
          number: 2,
          outcome: "completed",
          lease_id: LEASE,
          began_at: "2030-01-01T00:00:02.000Z",
          ended_at: "2030-01-01T00:00:03.000Z",
          error: null,
        },
      ],
    });
  });

  it("answers 404 for a job that is not there, and for what is no id, without a query", async () => {
    const { get, query } = setupApi({ get_live: none, get_finished: none });
    expect(await get(`/jobs/${ID}`)).toMatchObject({ status: 404, body: { code: "not_found" } });
    const asked = query.mock.calls.length;
    for (const id of ["7", `${ID}0`, `${ID}%00`, "';drop table", ID.replaceAll("-", "")])
      expect(await get(`/jobs/${id}`)).toHaveProperty("status", 404);
    expect(query).toHaveBeenCalledTimes(asked);
  });
});

/** The last row of a list that came to its end. */
const END = { id: null, searchedTo: null };

describe("GET /jobs", () => {
  it("lists without payload and attempts, and gives a cursor that goes on", async () => {
    const { get, query } = setupApi({ list_jobs: () => [LIVE, FINISHED, END] });
    const first = await get("/jobs", "limit=1");
    expect(first.body.data).toHaveLength(1);
    expect(first.body.data[0]).toMatchObject({ id: ID });
    expect(first.body.data[0]).not.toHaveProperty("payload");
    expect(first.body.data[0]).not.toHaveProperty("attempts");
    expect(first.body.next_cursor).toBe(encodeCursor(ID));

    const rest = await get("/jobs", `limit=100&cursor=${first.body.next_cursor}`);
    expect(rest.body.next_cursor).toBeNull();
    expect(rest.body.searched_to).toBeNull();
    expect(query.mock.calls.at(-1)?.[1]).toContain(ID);
  });

  it("gives a cursor where it stopped before the page was full, and says how far it came", async () => {
    const edge = "019ab000-0000-7000-8000-000000000000";
    const { get } = setupApi({ list_jobs: () => [{ id: null, searchedTo: edge }, END] });
    expect((await get("/jobs", "type=rare")).body).toEqual({
      data: [],
      next_cursor: encodeCursor(edge),
      searched_to: new Date(0x019ab0000000).toISOString(),
    });
  });

  it("includes what is asked for", async () => {
    const { get } = setupApi({ list_finished: () => [FINISHED, END], attempts: () => [FAILED] });
    const { body } = await get("/jobs", "include=payload,attempts&state=completed&type=send_email&queue=emails");
    expect(body.data[0]).toMatchObject({
      payload: { email: "test@example.com" },
      attempts: [{ number: 1 }, { number: 2 }],
    });
  });

  it.each([
    ["limit=0", "/limit"],
    ["limit=101", "/limit"],
    ["limit=1e1", "/limit"],
    ["limit=", "/limit"],
    ["limit=1&limit=2", "/limit"],
    ["state=done", "/state/0"],
    ["type=No", "/type/0"],
    ["queue=%00", "/queue/0"],
    ["state=dead&state=done", "/state/1"],
    ["state=dead,done", "/state/1"],
    ["id=1", "/id/0"],
    ["unique_key=", "/unique_key"],
    ["error=%00", "/error"],
    ["created_after=yesterday", "/created_after"],
    ["created_before=2030-01-31T08:00:00", "/created_before"],
    ["payload=1", "/payload"],
    ["payload.=1", "/payload."],
    ["payload.a..b=1", "/payload.a..b"],
    ["payload.a=", "/payload.a"],
    ["payload.a=%00", "/payload.a"],
    ["payload.a=1&payload.a=2", "/payload.a"],
    [`metadata.${"a.".repeat(30)}b=1`, `/metadata.${"a.".repeat(30)}b`],
    ["payload.a=1&payload.b=1&payload.c=1&metadata.a=1&metadata.b=1&metadata.c=1", ""],
    ["cursor=abc", "/cursor"],
    [`cursor=${ID}`, "/cursor"],
    ["include=results", "/include/0"],
    ["sort=id", "/sort"],
    ["a/b=1", "/a~1b"],
    ["__proto__=1", "/__proto__"],
  ])("refuses ?%s", async (search, pointer) => {
    const { get, query } = setupApi();
    expect(await get("/jobs", search)).toMatchObject({
      status: 400,
      body: { code: "invalid_query", errors: [{ pointer }] },
    });
    expect(query).not.toHaveBeenCalled();
  });
});

describe("POST /jobs/{id}/cancel", () => {
  const cancelling = (outcome: string, state: string | null = null) =>
    setupApi({ cancel: () => [{ outcome, state }], get_live: () => [LIVE], attempts: none });

  it.each([
    ["cancelled", 200],
    ["requested", 202],
  ])("answers %s with %d and the job", async (outcome, status) => {
    expect(await cancelling(outcome).post(`/jobs/${OTHER}/cancel`)).toMatchObject({ status, body: { id: OTHER } });
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
    const reader = setupApi({ queue_page: none, list_jobs: none }, keysWith("jobs:read"));
    expect(await reader.get("/queues")).toHaveProperty("status", 200);
    expect(await reader.get("/jobs")).toHaveProperty("status", 200);
    for (const path of [`/jobs/${ID}/cancel`, `/jobs/${ID}/retry`, "/queues/emails/pause", "/queues/emails/resume"])
      expect(await reader.post(path)).toMatchObject({ status: 403, body: { scope: "jobs:manage" } });
    const writer = setupApi({}, keysWith("jobs:write", "jobs:manage"));
    for (const path of ["/jobs", `/jobs/${ID}`, "/queues", "/queues/emails"])
      expect(await writer.get(path)).toMatchObject({ status: 403, body: { scope: "jobs:read" } });
  });
});

describe("GET /health", () => {
  it("answers from memory without a key", async () => {
    const { get, query } = setupApi();
    expect(await get("/health", "", { authorization: "" })).toMatchObject({ status: 200, body: { status: "ok" } });
    expect(query).not.toHaveBeenCalled();
  });

  it("asks the database for a key with metrics:read, and says when it does not answer", async () => {
    const { get, query } = setupApi();
    expect(await get("/health", "deep=1", { authorization: "" })).toHaveProperty("status", 401);
    expect(query).not.toHaveBeenCalled();
    const answer = await get("/health", "deep=1");
    expect(answer).toMatchObject({ status: 503, headers: { "retry-after": expect.stringMatching(/^\d+$/) as string } });
    const asked = query.mock.calls.length;
    await Promise.all(Array.from({ length: 100 }, () => get("/health", "deep=1")));
    expect(query).toHaveBeenCalledTimes(asked);
    expect(await setupApi({}, keysWith("jobs:read")).get("/health", "deep=1")).toHaveProperty("status", 403);
  });
});
