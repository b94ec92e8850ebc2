import { describe, expect, it } from "vitest";
import { GOOD, ID, setup } from "../support/http/enqueue-api.ts";
import { ALL_SCOPES, keysWith } from "../support/http/http.ts";

const nested = (depth: number): unknown => JSON.parse("[".repeat(depth) + "]".repeat(depth));

describe("POST /jobs", () => {
  it("answers 201 with Location and the job, and stores the payload as it was given", async () => {
    const { post, stored } = setup();
    const { status, headers, body } = await post({
      ...GOOD,
      id: ID.toUpperCase(),
      priority: 0,
      run_at: "2030-01-01T02:00:00+02:00",
      max_attempts: 3,
      unique_key: "order-7",
      metadata: { tenant: "a" },
    });
    expect(status).toBe(201);
    expect(headers).toMatchObject({ location: `/jobs/${ID}`, "content-type": "application/json" });
    expect(stored).toEqual([
      {
        id: ID,
        type: "send_email",
        payload: GOOD.payload,
        priority: 0,
        run_at: "2030-01-01T00:00:00.000Z",
        max_attempts: 3,
        unique_key: "order-7",
        metadata: { tenant: "a" },
      },
    ]);
    expect(body).toEqual({
      id: ID,
      type: "send_email",
      queue: "emails",
      state: "pending",
      priority: 0,
      metadata: { tenant: "a" },
      unique_key: "order-7",
      attempt: 0,
      max_attempts: 3,
      life: 1,
      progress: null,
      created_at: "2030-01-01T00:00:00.000Z",
      run_at: "2030-01-01T00:00:00.000Z",
      started_at: null,
      finished_at: null,
      result: null,
      error: null,
    });
  });

  it("keeps a __proto__ key of the metadata as a key", async () => {
    const { post, stored } = setup();
    expect(await post('{"type":"anything","payload":1,"metadata":{"__proto__":{"a":1}}}')).toHaveProperty(
      "status",
      201,
    );
    expect(JSON.stringify(stored[0])).toContain('"metadata":{"__proto__":{"a":1}}');
  });

  it("takes the caller's trace, if it is one", async () => {
    const { post, stored } = setup();
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    await post(GOOD, { traceparent });
    await post(GOOD, { traceparent: "00-x" });
    expect(stored[0]).toHaveProperty("traceparent", traceparent);
    expect(stored[1]).not.toHaveProperty("traceparent");
  });

  it.each([
    [{ ...GOOD, payload: { email: "no" } }, "invalid_payload", ["/payload/email"]],
    [{ ...GOOD, payload: {} }, "invalid_payload", ["/payload/email"]],
    [{ ...GOOD, payload: null }, "invalid_payload", ["/payload"]],
    [{ ...GOOD, payload: { email: "a@example.com", "a/b~c": "x" } }, "invalid_payload", ["/payload/a~1b~0c"]],
    [
      { ...GOOD, payload: { email: "a@example.com", tags: [{ name: "x", "y/z": 1 }] } },
      "invalid_payload",
      ["/payload/tags/0/y~1z"],
    ],
    [{ ...GOOD, payload: { email: "a@example.com", subject: "a\0" } }, "invalid_job", ["/payload/subject"]],
    [{ type: "anything", payload: { "\ud800": 1 } }, "invalid_job", ["/payload"]],
    [{ type: "send_email" }, "invalid_job", ["/payload"]],
    [{ payload: {} }, "invalid_job", ["/type"]],
    [{ ...GOOD, type: "arn:aws:lambda:eu-west-1:1:function:x" }, "invalid_job", ["/type"]],
    [{ ...GOOD, type: "send_emial" }, "unknown_type", ["/type"]],
    [{ ...GOOD, type: "constructor" }, "unknown_type", ["/type"]],
    [{ ...GOOD, state: "completed", attempt: 0 }, "invalid_job", ["/state", "/attempt"]],
    [{ ...GOOD, id: "7" }, "invalid_job", ["/id"]],
    [{ ...GOOD, queue: "No" }, "invalid_job", ["/queue"]],
    [{ ...GOOD, priority: 10 }, "invalid_job", ["/priority"]],
    [{ ...GOOD, priority: 1.5 }, "invalid_job", ["/priority"]],
    [{ ...GOOD, priority: null }, "invalid_job", ["/priority"]],
    [{ ...GOOD, max_attempts: 0 }, "invalid_job", ["/max_attempts"]],
    [{ ...GOOD, delay_seconds: -1 }, "invalid_job", ["/delay_seconds"]],
    [{ ...GOOD, delay_seconds: 1, run_at: "2030-01-01T00:00:00Z" }, "invalid_job", ["/delay_seconds"]],
    [{ ...GOOD, run_at: "2030-01-01T00:00:00" }, "invalid_job", ["/run_at"]],
    [{ ...GOOD, run_at: "2030-02-30T00:00:00Z" }, "invalid_job", ["/run_at"]],
    [{ ...GOOD, run_at: "0000-01-01T00:00:00Z" }, "invalid_job", ["/run_at"]],
    [{ ...GOOD, run_at: "9999-12-31T23:59:59-12:00" }, "invalid_job", ["/run_at"]],
    [{ ...GOOD, unique_key: "" }, "invalid_job", ["/unique_key"]],
    [{ ...GOOD, unique_key: "x".repeat(201) }, "invalid_job", ["/unique_key"]],
    [{ ...GOOD, unique_key: "a\0" }, "invalid_job", ["/unique_key"]],
    [{ ...GOOD, metadata: [] }, "invalid_job", ["/metadata"]],
    [{ ...GOOD, metadata: { a: "\udc00" } }, "invalid_job", ["/metadata/a"]],
    [{ ...GOOD, metadata: { a: "x".repeat(16 * 1024) } }, "invalid_job", ["/metadata"]],
    [[], "invalid_job", [""]],
    [null, "invalid_job", [""]],
  ])("refuses %j", async (body, code, pointers) => {
    const { post, query } = setup();
    const answer = await post(body);
    expect(answer).toMatchObject({
      status: 422,
      headers: { "content-type": "application/problem+json" },
      body: { code },
    });
    expect(answer.body.errors.map((error: { pointer: string }) => error.pointer)).toEqual(pointers);
    expect(query).not.toHaveBeenCalled();
  });

  it("refuses nesting above 64 levels, however deep, at its place", async () => {
    const { post } = setup();
    expect(await post({ type: "anything", payload: nested(64) })).toHaveProperty("status", 201);
    for (const depth of [65, 500]) {
      expect(await post({ type: "anything", payload: nested(depth) })).toMatchObject({
        status: 422,
        body: { code: "invalid_job" },
      });
      expect(await post({ ...GOOD, metadata: { a: nested(depth) } })).toMatchObject({
        status: 422,
        body: { code: "invalid_job" },
      });
    }
    const deep = `{"type":"anything","payload":${"[".repeat(200_000)}1e9${"]".repeat(200_000)}}`;
    expect(await post(deep.replace("1e9", "1e400"))).toMatchObject({ status: 400, body: { code: "malformed_json" } });
    expect(await post(deep)).toMatchObject({ status: 422, body: { code: "invalid_job" } });
    expect(await post(deep.replace("1e9", "1"))).toMatchObject({ status: 422, body: { code: "invalid_job" } });
  });

  it("takes payloads of 256 KiB and no more", async () => {
    const { post } = setup();
    const ofBytes = (count: number) => ({ type: "anything", payload: "é".repeat((count - 2) / 2) });
    expect(await post(ofBytes(256 * 1024))).toHaveProperty("status", 201);
    expect(await post(ofBytes(256 * 1024 + 2))).toMatchObject({
      status: 413,
      body: { code: "payload_too_large", errors: [{ pointer: "/payload" }] },
    });
    expect(await post(ofBytes(1024 * 1024))).toHaveProperty("status", 413);
  });

  it("names the types that there are when it knows none of the name", async () => {
    const { body } = await setup().post({ ...GOOD, type: "send_emial" });
    expect(body).toMatchObject({
      types: ["send_email", "anything"],
      detail: expect.stringContaining("did you mean") as string,
    });
  });

  it("needs the scope jobs:write", async () => {
    const { post, query } = setup(keysWith("jobs:read", "jobs:manage"));
    expect(await post(GOOD)).toMatchObject({ status: 403, body: { scope: "jobs:write" } });
    expect(query).not.toHaveBeenCalled();
  });

  it.each([
    ["FQ004", 409, "id_conflict", "/id"],
    ["FQ005", 409, "unique_key_conflict", "/unique_key"],
    ["FQ002", 429, "queue_full", "/queue"],
    ["FQ001", 422, "unknown_type", "/type"],
    ["FQ006", 422, "unknown_queue", "/queue"],
    ["FQ003", 422, "invalid_job", ""],
  ])("tells the database's %s by its field", async (code, status, problem, pointer) => {
    const { post } = setup(ALL_SCOPES, { code, detail: {} });
    expect(await post(GOOD)).toMatchObject({ status, body: { code: problem, errors: [{ pointer }] } });
  });

  it("answers 503 with Retry-After when the database is away", async () => {
    const { post } = setup(ALL_SCOPES, { code: "ECONNREFUSED", detail: {} });
    expect(await post(GOOD)).toMatchObject({
      status: 503,
      headers: { "retry-after": "2" },
      body: { code: "database_unavailable" },
    });
  });
});
