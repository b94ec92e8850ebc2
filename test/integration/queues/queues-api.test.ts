import { expect, it } from "vitest";
import { createHandler } from "../../../functions/api.ts";
import { createHandler as createEnqueue } from "../../../functions/enqueue.ts";
import { ALL_SCOPES, CONTEXT, eventOf, send, type TestRequest } from "../../support/http/http.ts";
import { plain, setup } from "../../support/queue.ts";

const api = async () => {
  const s = await setup();
  const handler = createHandler(s.deps, ALL_SCOPES);
  const enqueue = createEnqueue(s.deps, ALL_SCOPES, [plain]);
  return {
    ...s,
    call: (request: TestRequest) => send(handler, request),
    put: (name: string, body: unknown) => send(handler, { method: "PUT", path: `/queues/${name}`, body }),
    remove: async (name: string) => {
      const answer = await handler(eventOf({ method: "DELETE", path: `/queues/${name}` }), { ...CONTEXT });
      const { statusCode, body } = answer as { statusCode: number; body?: string };
      return { status: statusCode, code: body ? (JSON.parse(body) as { code: string }).code : undefined };
    },
    post: (job: object) => send(enqueue, { path: "/jobs", body: { type: "plain", payload: {}, ...job } }),
    batch: (jobs: readonly object[]) =>
      send(enqueue, { path: "/jobs/batch", body: { jobs: jobs.map((job) => ({ type: "plain", payload: {}, ...job })) } }),
  };
};

it("declares a queue, which takes jobs of its types, and deletes it when it is empty", async () => {
  const s = await api();
  expect(await s.put("bulk", { types: ["plain"], max_in_flight: 3 })).toMatchObject({
    status: 201,
    body: { name: "bulk", declared: false, types: ["plain"], max_in_flight: 3, max_pending: null, retention_days: 30 },
  });
  expect(await s.put("bulk", { types: ["plain", "plain"], max_pending: 9 })).toMatchObject({
    status: 200,
    body: { types: ["plain"], max_in_flight: 3, max_pending: 9 },
  });
  const stored = await s.post({ queue: "bulk" });
  expect(stored).toMatchObject({ status: 201, body: { queue: "bulk" } });
  expect(await s.remove("bulk")).toEqual({ status: 409, code: "queue_not_empty" });
  await s.call({ method: "POST", path: `/jobs/${stored.body.id}/cancel` });
  expect(await s.remove("bulk")).toEqual({ status: 204, code: undefined });
  expect(await s.call({ path: "/queues/bulk" })).toHaveProperty("status", 404);
  expect(await s.remove("bulk")).toEqual({ status: 404, code: "not_found" });
  expect(await s.remove("plain")).toEqual({ status: 409, code: "queue_declared" });
  expect(await s.call({ method: "POST", path: `/jobs/${stored.body.id}/retry` })).toMatchObject({
    status: 422,
    body: { code: "unknown_queue" },
  });
});

it("lists types for a queue that the code declares, and leaves its limits to the code", async () => {
  const s = await api();
  expect(await s.put("plain", { types: ["plain"] })).toMatchObject({
    status: 200,
    body: { declared: true, types: ["plain"] },
  });
  expect(await s.db.query("select overridden from forgeq.queue where name = 'plain'")).toEqual([{ overridden: [] }]);
  expect(await s.put("plain", { types: [] })).toMatchObject({ status: 200, body: { types: [] } });
});

it.each([
  ["bulk", { types: ["plain", "unheard_of"] }, 422, "unknown_type", "/types/1"],
  ["bulk", { types: ["No"] }, 422, "invalid_queue", "/types/0"],
  ["bulk", { types: "plain" }, 422, "invalid_queue", "/types"],
  ["bulk", { types: Array<string>(65).fill("plain") }, 422, "invalid_queue", "/types"],
  ["bulk", { types: null }, 422, "invalid_queue", "/types"],
  ["plain", {}, 422, "invalid_queue", ""],
])("refuses PUT /queues/%s %j with %i %s at %s", async (name, body, status, code, pointer) => {
  const s = await api();
  expect(await s.put(name, body)).toMatchObject({ status, body: { code, errors: [{ pointer }] } });
  expect(await s.call({ path: "/queues" })).toMatchObject({ body: { data: [{ name: "plain", types: [] }] } });
});

it("declares no queue by limits alone, nor one whose name can't be one", async () => {
  const s = await api();
  expect(await s.put("bulk", { max_in_flight: 3 })).toMatchObject({ status: 404, body: { code: "not_found" } });
  expect(await s.put("Bulk", { types: ["plain"] })).toMatchObject({ status: 404, body: { code: "not_found" } });
  expect(await s.remove("Bulk")).toEqual({ status: 404, code: "not_found" });
});

it("answers one of two that declare the same queue with 201, and both with the queue", async () => {
  const s = await api();
  const answers = await Promise.all([1, 2].map(() => s.put("bulk", { types: ["plain"], max_in_flight: 3 })));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 201]);
  for (const { body } of answers) expect(body).toMatchObject({ types: ["plain"], max_in_flight: 3 });
});

it("refuses a job of an unknown queue with 422 and a pointer, and stores nothing of its batch", async () => {
  const s = await api();
  expect(await s.post({ queue: "nowhere" })).toMatchObject({
    status: 422,
    body: { code: "unknown_queue", errors: [{ pointer: "/queue", detail: "there is no queue nowhere" }] },
  });
  expect(await s.batch([{}, { queue: "nowhere" }])).toMatchObject({
    status: 422,
    body: { code: "unknown_queue", errors: [{ pointer: "/jobs/1/queue" }] },
  });
  expect(await s.call({ path: "/jobs" })).toMatchObject({ body: { data: [] } });
});
