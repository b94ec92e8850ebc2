import { describe, expect, it } from "vitest";
import * as z from "zod";
import { createHandler } from "../../functions/enqueue.ts";
import { defineJob } from "../../lib/core/define.ts";
import { answering, httpDeps } from "../support/http-deps.ts";
import { ALL_SCOPES, keysWith, send } from "../support/http.ts";

const JOBS = [
  defineJob({
    type: "send_email",
    queue: "emails",
    payload: z.object({
      email: z.email(),
      subject: z.string().default("Hello"),
      "a/b~c": z.number().optional(),
      tags: z.array(z.strictObject({ name: z.string() })).default([]),
    }),
  }),
  defineJob({ type: "anything", payload: z.json() }),
  defineJob({ type: "shorten", payload: z.string().transform((text) => text.slice(0, 1)) }),
];

const ID = "019ab000-0000-7000-8000-00000000000a";
const GOOD = { type: "send_email", payload: { email: "test@example.com" } };

interface Item {
  readonly id: string;
  readonly type: string;
  readonly payload: unknown;
}

/** Of an array of uuid in Postgres' binary format. */
const idsIn = (array: Buffer): string[] =>
  Array.from({ length: array.readInt32BE(12) }, (_, n) =>
    array
      .subarray(24 + 20 * n, 40 + 20 * n)
      .toString("hex")
      .replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-"),
  );

/** What a statement stores: a document of all jobs; or of jobs of one type the ids, and a line for each with its payload and with its details. */
const itemsIn = ([jobs, payloads, type, , details]: readonly unknown[]): Item[] => {
  if (!Buffer.isBuffer(jobs)) return JSON.parse(jobs as string) as Item[];
  const linesOf = (text: unknown) =>
    typeof text === "string" ? text.split("\n").map((line) => JSON.parse(line) as unknown) : [];
  const [payloadOf, detailsOf] = [linesOf(payloads), linesOf(details)];
  return idsIn(jobs).map((id, n) => ({ id, type: type as string, payload: payloadOf[n], ...(detailsOf[n] as object) }));
};

const CREATED = { created: true, queue: "emails", priority: 5, maxAttempts: 8 };
const NOW = new Date("2030-01-01T00:00:00Z");

const setup = (keys = ALL_SCOPES, refusal?: { code: string; detail: object }) => {
  const stored: Item[] = [];
  const { db, query } = answering({
    enqueue: (params) => {
      const items = itemsIn(params);
      if (refusal !== undefined) {
        const detail = JSON.stringify({ requested_id: items.at(-1)?.id, ...refusal.detail });
        throw Object.assign(new Error("the database says no"), { code: refusal.code, detail });
      }
      stored.push(...items);
      // Those that are stored alike, or many, share a row; few that are not have one each.
      return typeof params[3] !== "boolean"
        ? [{ stored: [...Object.values(CREATED), NOW.toISOString(), NOW.toISOString(), null, null] }]
        : items.map(({ id }) => ({ ...CREATED, runAt: NOW, createdAt: NOW, requestedId: id, id }));
    },
  });
  const deps = httpDeps(db);
  const handler = createHandler(deps, keys, JOBS);
  return {
    stored,
    query,
    deps,
    post: (body: unknown, headers: Record<string, string> = {}) => send(handler, { path: "/jobs", body, headers }),
    postBatch: (body: unknown) => send(handler, { path: "/jobs/batch", body }),
  };
};

const nested = (depth: number): unknown => JSON.parse("[".repeat(depth) + "]".repeat(depth));

describe("POST /jobs", () => {
  it("answers 201 with Location and the job, and stores the payload with its defaults", async () => {
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
        payload: { email: "test@example.com", subject: "Hello", tags: [] },
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
      priority: 5,
      metadata: { tenant: "a" },
      unique_key: "order-7",
      attempt: 0,
      max_attempts: 8,
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
    [{ type: "shorten", payload: "😀" }, "invalid_payload", ["/payload"]],
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
    expect(await post(deep)).toMatchObject({ status: 400, body: { code: "malformed_json" } });
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
      types: ["send_email", "anything", "shorten"],
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
