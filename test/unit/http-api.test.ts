import { describe, expect, it } from "vitest";
import { encodeCursor } from "../../lib/http/wire.ts";
import { setupApi } from "../support/http/api.ts";
import { ALL_SCOPES, keysWith } from "../support/http/http.ts";
import { realTime } from "../../lib/queue/time.ts";
import { recordingLogger } from "../support/recording-logger.ts";
import { FAILED, FINISHED, ID, LEASE, LIVE } from "../support/http/jobs.ts";

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

  it("logs one line while the database is away, and one when it is back, however often it is asked", async () => {
    const logger = recordingLogger();
    let [atMs, away] = [0, true];
    const found = () => {
      if (away) throw Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
      return [{ found: true }];
    };
    const answers = { schema_books: found, schema_version: found };
    const time = { ...realTime, elapsedMs: () => (atMs += 6_000) };
    const { get, query } = setupApi(answers, ALL_SCOPES, { logger, time });
    for (let n = 0; n < 3; n += 1) expect(await get("/health", "deep=1")).toHaveProperty("status", 503);
    expect(query.mock.calls.length).toBeGreaterThan(2);
    const messages = () => logger.lines.map((line) => (JSON.parse(line) as { message: string }).message);
    expect(messages()).toEqual(["health: the database can't be used"]);
    away = false;
    expect(await get("/health", "deep=1")).toHaveProperty("status", 200);
    expect(messages()).toEqual(["health: the database can't be used", "health: the database can be used again"]);
  });
});
