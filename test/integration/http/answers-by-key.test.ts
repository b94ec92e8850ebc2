/** An answer shows what the key may see, whichever route gives it, and a key of some types or queues finds no other job. */
import { expect, it } from "vitest";
import { createHandler as createApi } from "../../../functions/api.ts";
import { createHandler as createEnqueue } from "../../../functions/enqueue.ts";
import { sendEmail } from "../../../functions/handlers/send_email/job.ts";
import { defineJob } from "../../../lib/core/define.ts";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import type { Scope } from "../../../lib/http/api-keys.ts";
import { CONTEXT, eventOf, keysOf, secretOf, type TestRequest } from "../../support/http/http.ts";
import { plain, setup } from "../../support/queue.ts";

const other = defineJob({ type: "other", queue: "others", payload: plain.payload });

interface Key {
  readonly scopes: readonly Scope[];
  readonly types?: readonly string[];
  readonly queues?: readonly string[];
}

const KEYS: Record<string, Key> = {
  all: { scopes: ["jobs:write", "jobs:read", "jobs:manage", "payloads:read", "metrics:read"] },
  reader: { scopes: ["jobs:read"] },
  manager: { scopes: ["jobs:manage"] },
  writer: { scopes: ["jobs:write"] },
  sender: { scopes: ["jobs:write", "jobs:manage"] },
  ofPlain: { scopes: ["jobs:write", "jobs:read", "jobs:manage", "payloads:read", "metrics:read"], types: ["plain"] },
  ofOthers: { scopes: ["jobs:write", "jobs:read", "jobs:manage", "payloads:read", "metrics:read"], queues: ["others"] },
};

const keys = keysOf(KEYS);

const CANARY = "TOP-SECRET";

const api = async () => {
  const s = await setup({ jobs: [plain, other, sendEmail], queues: [] });
  const manage = createApi(s.deps, keys);
  const enqueue = createEnqueue(s.deps, keys, [plain, other]);
  const call = async (key: string, request: TestRequest) => {
    const handler = request.path.startsWith("/jobs") && request.body !== undefined ? enqueue : manage;
    const headers = { authorization: `Bearer ${secretOf(key)}` };
    const { statusCode, body = "" } = (await handler(eventOf({ ...request, headers }), { ...CONTEXT })) as {
      statusCode: number;
      body?: string;
    };

    return { status: statusCode, text: body, body: body.startsWith("{") ? JSON.parse(body) : undefined };
  };
  const enqueueAs = (key: string, more: object = {}) =>
    call(key, {
      path: "/jobs",
      body: { type: "plain", payload: { secret: CANARY }, metadata: { secret: CANARY }, ...more },
    });
  /** A dead job, whose error and attempts hold the canary, too. */
  const dead = async (): Promise<string> => {
    const { body } = await enqueueAs("all");
    await s.queue.settle(await s.queue.lease(), "dead", { error: { name: "Error", message: CANARY, stack: CANARY } });
    return body.id as string;
  };
  return { ...s, call, enqueueAs, dead };
};

it("shows no payload, metadata, result, error or attempt to a key that manages and may not read", async () => {
  const s = await api();
  const retried = await s.dead();
  const { body: cancelled } = await s.enqueueAs("all");
  for (const [path, state] of [
    [`/jobs/${retried}/retry`, "pending"],
    [`/jobs/${cancelled.id}/cancel`, "cancelled"],
  ] as const) {
    const answer = await s.call("manager", { method: "POST", path });
    expect(answer.text).not.toContain(CANARY);
    expect(answer).toMatchObject({
      status: 200,
      body: {
        state,
        payload: null,
        attempts: null,
        hidden: ["payload", "metadata", "progress", "result", "error", "attempts"],
      },
    });
    expect((await s.call("all", { path: `/jobs/${answer.body.id}` })).text).toContain(CANARY);
  }
});

it("shows jobs without what they carry to a key that lacks payloads:read", async () => {
  const s = await api();
  const id = await s.dead();
  for (const request of [{ path: `/jobs/${id}` }, { path: "/jobs", query: "include=payload,result,attempts" }]) {
    const answer = await s.call("reader", request);
    expect(answer.status).toBe(200);
    expect(answer.text).not.toContain(CANARY);
    const job = answer.body.data?.[0] ?? answer.body;
    expect(job).toMatchObject({
      id,
      state: "dead",
      error: { name: "Error", message: null },
      attempts: [{ outcome: "dead" }],
    });
    expect(job.hidden).toEqual(expect.arrayContaining(["payload", "metadata", "result", "error.message"]));
    const whole = await s.call("all", request);
    expect(whole.text).toContain(CANARY);
    expect(whole.text).not.toContain("hidden");
  }
});

it("shows a repeated id or unique key without result and error to a key that may only write", async () => {
  const s = await api();
  const id = uuidV7();
  const sent = { id, unique_key: "once" };
  await s.enqueueAs("all", sent);
  await s.queue.settle(await s.queue.lease(), "completed", { result: { secret: CANARY } });
  for (const more of [sent]) {
    const again = await s.enqueueAs("writer", more);
    expect(again).toMatchObject({ status: 200, body: { id, state: "completed", result: null } });
    expect(again.text).not.toContain(CANARY);
  }
  await s.enqueueAs("all", { unique_key: "twice" });
  expect((await s.enqueueAs("writer", { unique_key: "twice" })).text).not.toContain(CANARY);
  // What a call has stored itself, it knows.
  expect((await s.enqueueAs("writer")).body).toMatchObject({ metadata: { secret: CANARY } });
});

it("lets nobody send jobs by a schedule who may not write", async () => {
  const s = await api();
  const daily = {
    name: "daily",
    cron: "@daily",
    type: "send_email",
    payload: { email: "a@example.com", subject: CANARY },
  };
  expect(await s.call("manager", { path: "/schedules", body: daily })).toMatchObject({ status: 403 });
  const made = await s.call("sender", { path: "/schedules", body: daily });
  expect(made).toMatchObject({ status: 201, body: { payload: null, metadata: null, hidden: ["payload", "metadata"] } });
  expect(await s.call("manager", { method: "POST", path: "/schedules/daily/trigger" })).toMatchObject({ status: 403 });
  const triggered = await s.call("sender", { method: "POST", path: "/schedules/daily/trigger" });
  expect(triggered).toMatchObject({ status: 201, body: { type: "send_email", payload: null } });
  for (const path of ["/schedules", "/schedules/daily"]) {
    expect((await s.call("reader", { path })).text).not.toContain(CANARY);
    expect((await s.call("all", { path })).text).toContain(CANARY);
  }
});

it("binds a key to its types: it sends, sees and manages no other job", async () => {
  const s = await api();
  const { body: mine } = await s.enqueueAs("ofPlain");
  const { body: foreign } = await s.enqueueAs("all", { type: "other" });
  expect(await s.enqueueAs("ofPlain", { type: "other" })).toMatchObject({ status: 403, body: { code: "forbidden" } });
  const batch = {
    jobs: [
      { type: "plain", payload: {} },
      { type: "other", payload: {} },
    ],
  };
  expect(await s.call("ofPlain", { path: "/jobs/batch", body: batch })).toMatchObject({ status: 403 });
  for (const request of [
    { path: `/jobs/${foreign.id}` },
    { method: "POST", path: `/jobs/${foreign.id}/cancel` },
    { method: "POST", path: `/jobs/${foreign.id}/retry` },
    { path: "/queues/others" },
    { path: "/queues/plain" },
    { method: "POST", path: "/queues/plain/pause" },
  ])
    expect(await s.call("ofPlain", request)).toMatchObject({ status: 404 });
  expect((await s.call("ofPlain", { path: "/jobs" })).body.data).toMatchObject([{ id: mine.id }]);
  expect((await s.call("ofPlain", { path: "/jobs", query: "type=other" })).body.data).toEqual([]);
  expect((await s.call("ofPlain", { path: "/queues" })).body.data).toEqual([]);
  expect((await s.call("ofPlain", { path: "/metrics" })).text).not.toMatch(/queue="/);
  expect((await s.call("all", { path: `/jobs/${foreign.id}` })).body).toMatchObject({ state: "pending" });
  expect(await s.call("ofPlain", { method: "POST", path: `/jobs/${mine.id}/cancel` })).toMatchObject({ status: 200 });
});

it("binds a key to its queues, and a queue to its types", async () => {
  const s = await api();
  await s.enqueueAs("all");
  const { body: mine } = await s.enqueueAs("ofOthers", { type: "other" });
  expect(mine).toMatchObject({ queue: "others" });
  expect(await s.enqueueAs("ofOthers")).toMatchObject({ status: 403 });
  expect((await s.call("ofOthers", { path: "/jobs" })).body.data).toMatchObject([{ id: mine.id }]);
  expect((await s.call("ofOthers", { path: "/queues" })).body.data).toMatchObject([{ name: "others" }]);
  expect(await s.call("ofOthers", { method: "POST", path: "/queues/plain/pause" })).toMatchObject({ status: 404 });
  expect(await s.call("ofOthers", { method: "POST", path: "/queues/others/pause" })).toMatchObject({ status: 200 });
  const metrics = (await s.call("ofOthers", { path: "/metrics" })).text;
  expect(metrics).toContain('queue="others"');
  expect(metrics).not.toContain('queue="plain"');
  const mail = { name: "daily", cron: "@daily", type: "send_email", payload: { email: "a@example.com" } };
  expect(await s.call("ofOthers", { path: "/schedules", body: mail })).toMatchObject({ status: 403 });
  await s.call("all", { path: "/schedules", body: mail });
  expect((await s.call("ofOthers", { path: "/schedules" })).body.data).toEqual([]);
  for (const request of [
    { path: "/schedules/daily" },
    { method: "DELETE", path: "/schedules/daily" },
    { method: "POST", path: "/schedules/daily/trigger" },
  ])
    expect(await s.call("ofOthers", request)).toMatchObject({ status: 404 });
});

it("names to a bound key the types that it may send, and no other: in refusals, and in the document of the API", async () => {
  const s = await api();
  const unknown = { type: "no_such_type" };
  const namedTo = async (key: string, request: TestRequest): Promise<unknown> => {
    const { status, body } = await s.call(key, request);
    expect([status, body.code]).toEqual([422, "unknown_type"]);
    const hint = body.types.length === 0 ? "" : `; did you mean one of ${body.types.join(", ")}?`;
    expect(body.detail).toBe(`There is no job type no_such_type${hint}`);
    return body.types;
  };
  const job = { path: "/jobs", body: { ...unknown, payload: {} } };
  const batch = { path: "/jobs/batch", body: { jobs: [{ ...unknown, payload: {} }] } };
  const schedule = { path: "/schedules", body: { name: "daily", cron: "@daily", ...unknown, payload: {} } };
  for (const request of [job, batch]) {
    expect(await namedTo("all", request)).toEqual(["plain", "other"]);
    expect(await namedTo("ofOthers", request)).toEqual(["other"]);
  }
  expect(await namedTo("ofOthers", schedule)).toEqual([]);
  // A key of some types learns of no other type whether it is there.
  for (const request of [job, batch, schedule])
    expect(await s.call("ofPlain", request)).toMatchObject({ status: 403, body: { code: "forbidden" } });

  const documented = async (key: string) => (await s.call(key, { path: "/openapi.json" })).text;
  expect(await documented("all")).toContain("NewJob.send_email");
  expect(await documented("ofPlain")).not.toContain("NewJob.send_email");
});
