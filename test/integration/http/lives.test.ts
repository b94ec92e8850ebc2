/** The lives of a job that a retry by hand has ended: what each held, when it was retried, and by whom. */
import { expect, it } from "vitest";
import { createApi } from "../../../lib/functions/create-api.ts";
import type { Scope } from "../../../lib/http/api-keys.ts";
import { CONTEXT, eventOf, keysOf, secretOf, type TestRequest } from "../../support/http/http.ts";
import { plain, type Setup, setup } from "../../support/queue.ts";

const SCOPES: readonly Scope[] = ["jobs:read", "jobs:manage", "payloads:read"];
const KEYS = {
  oncall: { scopes: SCOPES },
  looks: { scopes: ["jobs:read"] },
  ofOthers: { scopes: SCOPES, queues: ["others"] },
};
const keys = keysOf(KEYS);

const die = async ({ queue }: Setup, name: string): Promise<void> => {
  await queue.settle(await queue.lease(), "retry", { error: { name, message: "SECRET, first" }, delaySeconds: 0 });
  await queue.settle(await queue.lease(), "dead", { error: { name, message: "SECRET, last" } });
};

/** A job that died twice, was retried by a key and by SQL, and waits in its third life. */
const retriedTwice = async () => {
  const s = await setup();
  const handler = createApi(s.deps, keys, () => Promise.resolve([plain]));
  const call = async (key: keyof typeof KEYS, request: TestRequest) => {
    const headers = { authorization: `Bearer ${secretOf(key)}` };
    const answer = (await handler(eventOf({ ...request, headers }), { ...CONTEXT })) as {
      statusCode: number;
      body: string;
    };
    return { status: answer.statusCode, text: answer.body, body: JSON.parse(answer.body) };
  };
  const [id = ""] = await s.queue.enqueue(1, { payload: { of: "SECRET" }, metadata: { tenant: "SECRET" } });
  await die(s, "FirstError");
  s.moveTo(60);
  const retried = await call("oncall", {
    path: `/jobs/${id}/retry`,
    method: "POST",
    body: { payload: { of: "other" } },
  });
  expect(retried.status).toBe(200);
  await die(s, "SecondError");
  s.moveTo(120);
  await s.db.query("select from forgeq.retry_many(array[$1::uuid], array[2], null, $2)", [id, s.at(120)]);
  return { ...s, id, call };
};

it("are listed newest first, with how each ended, when it was retried and by whom", async () => {
  const { id, call, at, db } = await retriedTwice();
  const [{ role }] = (await db.query<{ role: string }>("select session_user as role")) as [{ role: string }];
  const { status, body } = await call("oncall", { path: `/jobs/${id}/lives` });
  expect(status).toBe(200);
  expect(body).toMatchObject({
    data: [
      {
        ...{ id, life: 2, state: "dead", attempt: 2, error: { name: "SecondError" } },
        retried: { at: at(120).toISOString(), by: role },
      },
      {
        ...{ id, life: 1, state: "dead", attempt: 2, error: { name: "FirstError", message: "SECRET, last" } },
        retried: { at: at(60).toISOString(), by: "oncall" },
      },
    ],
    next_cursor: null,
  });
  expect(body.data[0]).not.toHaveProperty("payload");
});

it("come a page at a time", async () => {
  const { id, call } = await retriedTwice();
  const first = await call("oncall", { path: `/jobs/${id}/lives`, query: "limit=1" });
  expect(first.body.data.map(({ life }: { life: number }) => life)).toEqual([2]);
  const second = await call("oncall", { path: `/jobs/${id}/lives`, query: `limit=1&cursor=${first.body.next_cursor}` });
  expect(second.body).toMatchObject({ data: [{ life: 1 }], next_cursor: null });
  for (const query of ["cursor=nope", "life=1", "limit=0"])
    expect((await call("oncall", { path: `/jobs/${id}/lives`, query })).status).toBe(400);
});

it("are shown whole by their number, each with its own payload and attempts", async () => {
  const { id, call } = await retriedTwice();
  const lived = async (life: number) => (await call("oncall", { path: `/jobs/${id}`, query: `life=${life}` })).body;
  expect(await lived(1)).toMatchObject({
    ...{ life: 1, state: "dead", payload: { of: "SECRET" }, retried: { by: "oncall" } },
    attempts: [
      { number: 1, outcome: "retry", error: { name: "FirstError", message: "SECRET, first" } },
      { number: 2, outcome: "dead", error: { name: "FirstError" } },
    ],
  });
  expect(await lived(2)).toMatchObject({ life: 2, payload: { of: "other" }, error: { name: "SecondError" } });
  const newest = await lived(3);
  expect(newest).toMatchObject({ life: 3, state: "pending", attempts: [] });
  expect(newest).not.toHaveProperty("retried");
  const attempts = await call("oncall", { path: `/jobs/${id}/attempts`, query: "life=1&limit=1" });
  expect(attempts.body.data).toMatchObject([{ number: 2, error: { name: "FirstError" } }]);
  expect(attempts.body.next_cursor).not.toBeNull();
});

it("show a completed one's result, although a completion leaves no attempt", async () => {
  const s = await retriedTwice();
  await s.queue.settle(await s.queue.lease(), "completed", { result: { sent: 1 } });
  await s.call("oncall", { path: `/jobs/${s.id}/retry`, method: "POST" });
  const { body } = await s.call("oncall", { path: `/jobs/${s.id}`, query: "life=3" });
  expect(body).toMatchObject({
    ...{ state: "completed", result: { sent: 1 }, retried: { by: "oncall" } },
    attempts: [{ number: 1, outcome: "completed" }],
  });
});

it("are not there when they are still to come, were never, or are no longer kept", async () => {
  const { id, call, db } = await retriedTwice();
  await db.query("delete from forgeq.job_history where life = 1");
  for (const life of [1, 4, 2_147_483_647]) {
    const answer = await call("oncall", { path: `/jobs/${id}`, query: `life=${life}` });
    expect(answer).toMatchObject({ status: 404, body: { code: "not_found" } });
    expect(answer.body.detail).toContain(`no life ${life}`);
  }
  for (const life of ["0", "-1", "x", "1.5", "99999999999"])
    expect((await call("oncall", { path: `/jobs/${id}`, query: `life=${life}` })).status).toBe(400);
});

it("hide what the job hides from a key, and are not there for a key of other queues", async () => {
  const { id, call } = await retriedTwice();
  for (const request of [{ path: `/jobs/${id}/lives` }, { path: `/jobs/${id}`, query: "life=1" }]) {
    const { status, text } = await call("looks", request);
    expect(status).toBe(200);
    expect(text).toContain("FirstError");
    expect(text).not.toContain("SECRET");
    expect((await call("ofOthers", request)).status).toBe(404);
  }
});

it("know who retried many jobs in one call", async () => {
  const s = await retriedTwice();
  await die(s, "ThirdError");
  const done = await s.call("oncall", { path: "/jobs/bulk", body: { action: "retry", ids: [s.id] } });
  expect(done.body).toMatchObject({ done: 1 });
  const { body } = await s.call("oncall", { path: `/jobs/${s.id}/lives`, query: "limit=1" });
  expect(body.data).toMatchObject([{ life: 3, retried: { by: "oncall" } }]);
});
