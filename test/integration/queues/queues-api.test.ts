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
    metrics: async (query: string) => {
      const answer = await handler(eventOf({ path: "/metrics", query }), { ...CONTEXT });
      return answer as { body: string };
    },
    post: (job: object) => send(enqueue, { path: "/jobs", body: { type: "plain", payload: {}, ...job } }),
    batch: (jobs: readonly object[]) =>
      send(enqueue, {
        path: "/jobs/batch",
        body: { jobs: jobs.map((job) => ({ type: "plain", payload: {}, ...job })) },
      }),
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

it("lists queues a page at a time, each once, and refuses what is no page", async () => {
  const s = await api();
  await s.db.query(
    "insert into forgeq.queue (name) select 'q' || lpad(n::text, 3, '0') from generate_series(1, 204) n",
  );
  const seen: string[] = [];
  const pages: number[] = [];
  for (let cursor: string | null = ""; cursor !== null;) {
    const { body } = await s.call({ path: "/queues", query: cursor === "" ? "" : `cursor=${cursor}` });
    const names = (body.data as { name: string }[]).map(({ name }) => name);
    seen.push(...names);
    pages.push(names.length);
    cursor = body.next_cursor as string | null;
  }
  expect(pages).toEqual([100, 100, 5]);
  expect(seen).toEqual([...new Set(seen)].sort());
  expect(seen).toHaveLength(205);
  expect((await s.call({ path: "/queues", query: "limit=2" })).body.data).toHaveLength(2);
  for (const query of ["limit=101", "limit=0", "cursor=WA", "cursor=!", "nope=1", "limit=1&limit=2"])
    expect(await s.call({ path: "/queues", query })).toMatchObject({ status: 400, body: { code: "invalid_query" } });
});

it("shows the queues with most live jobs as metrics, and how many it leaves out", async () => {
  const s = await api();
  await s.db.query(
    "insert into forgeq.queue (name) select 'q' || lpad(n::text, 3, '0') from generate_series(1, 600) n",
  );
  await s.db.query(
    `insert into forgeq.job (id, run_at, priority, max_attempts, payload, queue, type)
     select gen_random_uuid(), now() + interval '1 year', 5, 3, '{}', 'q' || lpad(n::text, 3, '0'), 'plain' from generate_series(550, 600) n`,
  );
  // What an enqueue counts.
  await s.db.query(
    `with series as (
       insert into forgeq.metric_series (queue, type) select distinct queue, type from forgeq.job returning id)
     insert into forgeq.metric_total (series, name, value) select id, 'enqueued', 1 from series`,
  );
  await s.queue.enqueue(3);
  const page = async (query = "") => {
    const { body } = await s.metrics(query);
    return body.split("\n");
  };
  const lines = await page();
  const shown = lines.filter((line) => line.startsWith("forgeq_queue_paused{"));
  expect(shown).toHaveLength(500);
  for (const queue of ["plain", "q550", "q600", "q001"])
    expect(shown).toContain(`forgeq_queue_paused{queue="${queue}"} 0`);
  expect(shown).not.toContain('forgeq_queue_paused{queue="q549"} 0');
  expect(lines).toContain("forgeq_queues_left_out 101");
  expect(lines).toContain('forgeq_jobs_enqueued_total{queue="plain",type="plain"} 3');

  const asked = await page("queue=q549&queue=nowhere");
  expect(asked.filter((line) => line.startsWith("forgeq_queue_paused{"))).toEqual([
    'forgeq_queue_paused{queue="q549"} 0',
  ]);
  expect(asked).toContain("forgeq_queues_left_out 600");
});
