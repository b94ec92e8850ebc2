import { describe, expect, it } from "vitest";
import { createHandler } from "../../functions/api.ts";
import { encodeCursor } from "../../lib/http/wire.ts";
import { answering, httpDeps } from "../support/http/http-deps.ts";
import { ALL_SCOPES, keysWith, send } from "../support/http/http.ts";

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

const QUEUE = {
  ...{
    name: "emails",
    declared: true,
    types: [],
    maxInFlight: 20,
    maxPending: null,
    retentionDays: 30,
    paused: false,
    inFlight: 3,
  },
  ...{ scheduled: 1, pending: 2, leased: 1, running: 2, dead: 4, capped: false, oldestPendingSeconds: 12.5 },
  perMinute: { enqueued: 60, completed: 30, failed: 2, dead: 0 },
};

const setup = (answers: Parameters<typeof answering>[0] = {}, keys = ALL_SCOPES) => {
  const { db, query } = answering(answers);
  const deps = httpDeps(db);
  const handler = createHandler(deps, keys);
  return {
    deps,
    query,
    get: (path: string, search = "", headers = {}) => send(handler, { path, query: search, headers }),
    post: (path: string, body?: unknown) => send(handler, { path, method: "POST", body }),
  };
};

const none = () => [];

describe("GET /jobs/{id}", () => {
  it("shows the job as the API writes it, with payload and attempts", async () => {
    const { get } = setup({ get_live: none, get_finished: () => [FINISHED], attempts: () => [FAILED] });
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
    const { get, query } = setup({ get_live: none, get_finished: none });
    expect(await get(`/jobs/${ID}`)).toMatchObject({ status: 404, body: { code: "not_found" } });
    const asked = query.mock.calls.length;
    for (const id of ["7", "batch", `${ID}0`, `${ID}%00`, "';drop table", ID.replaceAll("-", "")])
      expect(await get(`/jobs/${id}`)).toHaveProperty("status", 404);
    expect(query).toHaveBeenCalledTimes(asked);
  });
});

describe("GET /jobs", () => {
  it("lists without payload and attempts, and gives a cursor that goes on", async () => {
    const { get, query } = setup({ list_live: () => [LIVE], list_finished: () => [FINISHED] });
    const first = await get("/jobs", "limit=1");
    expect(first.body.data).toHaveLength(1);
    expect(first.body.data[0]).toMatchObject({ id: ID });
    expect(first.body.data[0]).not.toHaveProperty("payload");
    expect(first.body.data[0]).not.toHaveProperty("attempts");
    expect(first.body.next_cursor).toBe(encodeCursor(ID));

    const rest = await get("/jobs", `limit=100&cursor=${first.body.next_cursor}`);
    expect(rest.body.next_cursor).toBeNull();
    expect(query.mock.calls.at(-1)?.[1]).toContain(ID);
  });

  it("includes what is asked for", async () => {
    const { get } = setup({ list_live: none, list_finished: () => [FINISHED], attempts: () => [FAILED] });
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
    ["state=done", "/state"],
    ["type=No", "/type"],
    ["queue=%00", "/queue"],
    ["cursor=abc", "/cursor"],
    [`cursor=${ID}`, "/cursor"],
    ["include=result", "/include/0"],
    ["sort=id", "/sort"],
    ["a/b=1", "/a~1b"],
    ["__proto__=1", "/__proto__"],
  ])("refuses ?%s", async (search, pointer) => {
    const { get, query } = setup();
    expect(await get("/jobs", search)).toMatchObject({
      status: 400,
      body: { code: "invalid_query", errors: [{ pointer }] },
    });
    expect(query).not.toHaveBeenCalled();
  });
});

describe("POST /jobs/{id}/cancel", () => {
  const cancelling = (outcome: string, state: string | null = null) =>
    setup({ cancel: () => [{ outcome, state }], get_live: () => [LIVE], attempts: none });

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
    const { post } = setup({
      get_live: none,
      get_finished: () => [{ ...FINISHED, state: "dead" }],
      attempts: none,
      retry: () => [{ outcome: "retried", holderId: null }],
    });
    expect(await post(`/jobs/${ID}/retry`)).toMatchObject({ status: 200, body: { id: ID } });
  });

  it("answers 409 with the state of a live job, and 404", async () => {
    const live = setup({ get_live: () => [LIVE], attempts: none });
    expect(await live.post(`/jobs/${OTHER}/retry`)).toMatchObject({
      status: 409,
      body: { code: "illegal_state", state: "pending" },
    });
    expect(await setup({ get_live: none, get_finished: none }).post(`/jobs/${ID}/retry`)).toHaveProperty("status", 404);
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
    const { post, query } = setup();
    const answer = await post(`/jobs/${ID}/retry`, body);
    expect(answer).toMatchObject({ status, body: { code } });
    if (pointer !== undefined) expect(answer.body.errors).toMatchObject([{ pointer }]);
    expect(query).not.toHaveBeenCalled();
  });

  it("takes an empty body of whatever content type, as before", async () => {
    const { post } = setup({ get_live: () => [LIVE], attempts: none });
    for (const body of [undefined, "", " \n"])
      expect(await post(`/jobs/${OTHER}/retry`, body)).toMatchObject({ status: 409, body: { code: "illegal_state" } });
  });

  it("answers 409 when the unique key is taken or the payload gone", async () => {
    for (const [outcome, code] of [
      ["unique_key", "unique_key_conflict"],
      ["payload_gone", "payload_gone"],
    ] as const) {
      const { post } = setup({
        get_live: none,
        get_finished: () => [FINISHED],
        attempts: none,
        retry: () => [{ outcome, holderId: OTHER }],
      });
      expect(await post(`/jobs/${ID}/retry`)).toMatchObject({ status: 409, body: { code } });
    }
  });
});

describe("/queues", () => {
  const wire = {
    name: "emails",
    paused: false,
    declared: true,
    types: [],
    max_in_flight: 20,
    max_pending: null,
    retention_days: 30,
    in_flight: 3,
    jobs: { scheduled: 1, pending: 2, leased: 1, running: 2, dead: 4 },
    capped: false,
    oldest_pending_age_seconds: 12.5,
    per_minute: { enqueued: 60, completed: 30, failed: 2, dead: 0 },
  };

  it("lists and shows queues", async () => {
    const { get } = setup({ queue_stats: () => [QUEUE], queue_page: () => [QUEUE] });
    expect((await get("/queues")).body).toEqual({ data: [wire], next_cursor: null });
    expect((await get("/queues/emails")).body).toEqual(wire);
  });

  it("pauses and resumes", async () => {
    const { post, query } = setup({ set_paused: () => [{ name: "emails" }], queue_stats: () => [QUEUE] });
    expect(await post("/queues/emails/pause")).toMatchObject({ status: 200, body: wire });
    expect(await post("/queues/emails/resume")).toMatchObject({ status: 200, body: wire });
    expect(query.mock.calls.filter(([text]) => text.includes("set_paused")).map(([, params]) => params)).toEqual([
      ["emails", true],
      ["emails", false],
    ]);
  });

  it("answers 404 for a queue that is not there, and for what is no name", async () => {
    const { get, post } = setup({ set_paused: none, queue_stats: none });
    expect(await get("/queues/none")).toMatchObject({ status: 404, body: { code: "not_found" } });
    expect(await post("/queues/none/pause")).toHaveProperty("status", 404);
    expect(await setup().get("/queues/No%00")).toHaveProperty("status", 404);
  });
});

describe("scopes", () => {
  it("separates reading from managing", async () => {
    const reader = setup({ queue_page: none, list_live: none, list_finished: none }, keysWith("jobs:read"));
    expect(await reader.get("/queues")).toHaveProperty("status", 200);
    expect(await reader.get("/jobs")).toHaveProperty("status", 200);
    for (const path of [`/jobs/${ID}/cancel`, `/jobs/${ID}/retry`, "/queues/emails/pause", "/queues/emails/resume"])
      expect(await reader.post(path)).toMatchObject({ status: 403, body: { scope: "jobs:manage" } });
    const writer = setup({}, keysWith("jobs:write", "jobs:manage"));
    for (const path of ["/jobs", `/jobs/${ID}`, "/queues", "/queues/emails"])
      expect(await writer.get(path)).toMatchObject({ status: 403, body: { scope: "jobs:read" } });
  });
});

describe("GET /health", () => {
  it("answers 503 without a key when the database does not", async () => {
    const { get } = setup();
    const answer = await get("/health", "", { authorization: "" });
    expect(answer).toMatchObject({ status: 503, headers: { "retry-after": expect.stringMatching(/^\d+$/) as string } });
  });
});
