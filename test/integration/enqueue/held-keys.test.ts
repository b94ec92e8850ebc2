import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createHandler } from "../../../functions/enqueue.ts";
import { defineQueue } from "../../../lib/core/define.ts";
import type { NewJob } from "../../../lib/core/new-job.ts";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import type { Sql } from "../../../lib/db/drivers/client.ts";
import { enqueueJobs, enqueueJobsIn } from "../../../lib/queue/enqueue/enqueue-jobs.ts";
import { createTestDatabase, type TestDatabase } from "../../support/database/database.ts";
import { ALL_SCOPES, send } from "../../support/http/http.ts";
import { run } from "../../support/lambda/run.ts";
import { plain, setup } from "../../support/queue.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const FULL = defineQueue({ name: "plain", maxInFlight: null, maxPending: 1 });
const job = (n: number, more: Partial<NewJob> = {}): NewJob => ({
  type: "plain",
  payload: { n },
  uniqueKey: "k",
  ...more,
});

const start = async (queues?: Parameters<typeof setup>[0]) => {
  const s = await setup({ database, ...queues });
  const handler = createHandler(s.deps, ALL_SCOPES, [plain]);
  const post = (body: object, path = "/jobs") => send(handler, { path, body });
  return { ...s, post };
};

const wire = (n: number, more: object = {}) => ({ type: "plain", payload: { n }, unique_key: "k", ...more });

describe("a unique key that a job with another payload holds", () => {
  it("gives that job over HTTP, and in a batch stores the others", async () => {
    const { post, db } = await start();
    const first = await post(wire(1));
    const second = await post(wire(2));
    expect(second).toMatchObject({ status: 200, body: { id: first.body["id"], deduplicated: true } });
    const batch = await post({ jobs: [wire(3), wire(4, { unique_key: "l" }), wire(5, { unique_key: "l" })] }, "/jobs/batch"); // prettier-ignore
    expect(batch.status).toBe(201);
    const [held, made, twin] = batch.body["jobs"] as { id: string; deduplicated?: boolean }[];
    expect(held).toMatchObject({ id: first.body["id"], deduplicated: true });
    expect(made).not.toHaveProperty("deduplicated");
    expect(twin).toMatchObject({ id: made?.id, deduplicated: true });
    expect(await db.query("select payload ->> 'n' as n from forgeq.job order by id")).toEqual([{ n: "1" }, { n: "4" }]);
  });

  it("is a conflict where it is asked for, with the holder's id, and stores nothing", async () => {
    const { post, db } = await start();
    const first = await post(wire(1));
    const conflict = {
      status: 409,
      body: {
        code: "unique_key_conflict",
        holder_id: first.body["id"],
        errors: [{ pointer: "/unique_key", detail: expect.stringContaining("holds") as string }],
      },
    };
    for (const n of [1, 2]) expect(await post(wire(n, { on_conflict: "reject" }))).toMatchObject(conflict);
    const jobs = [wire(3, { unique_key: "l" }), wire(4, { on_conflict: "reject" })];
    expect(await post({ jobs }, "/jobs/batch")).toMatchObject({
      status: 409,
      body: { holder_id: first.body["id"], errors: [{ pointer: "/jobs/1/unique_key" }] },
    });
    expect(await post(wire(2, { on_conflict: "existing" }))).toMatchObject({ status: 200 });
    expect(await post(wire(2, { on_conflict: "replace" }))).toMatchObject({ status: 422 });
    expect(await post({ type: "plain", payload: {}, on_conflict: "reject" })).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: "/on_conflict", detail: "needs a unique_key" }] },
    });
    expect(await db.query("select count(*)::int as n from forgeq.job")).toEqual([{ n: 1 }]);
  });

  it("is no conflict with itself: a request that is sent again has its job", async () => {
    const { post } = await start();
    const sent = wire(1, { id: uuidV7(), on_conflict: "reject" });
    expect(await post(sent)).toHaveProperty("status", 201);
    expect(await post(sent)).toMatchObject({ status: 200, body: { id: sent["id" as never] } });
    expect(await post({ ...sent, payload: { n: 2 } })).toMatchObject({ status: 409, body: { code: "id_conflict" } });
  });

  it("gives that job to callers of SQL, and raises FQ005 where they ask for it", async () => {
    const { db } = await start();
    const sql = (n: number, more = "") =>
      db.query<{ job_id: string; created: boolean }>(
        `select job_id, created from forgeq.enqueue('plain', '{"n": ${n}}', unique_key => 'k'${more})`,
      );
    const [first] = await sql(1);
    expect(await sql(2)).toEqual([{ job_id: first?.job_id, created: false }]);
    await expect(sql(3, ", on_conflict => 'reject'")).rejects.toMatchObject({
      code: "FQ005",
      detail: expect.stringContaining(`"holder_id" : "${first?.job_id}"`) as string,
    });
    await expect(sql(3, ", on_conflict => 'nothing'")).rejects.toMatchObject({ code: "FQ003" });
  });

  it("gives that job to a handler that enqueues, which goes on", async () => {
    const s = await start();
    const [first] = await enqueueJobs(s.deps, [job(1)]);
    s.moveTo(1);
    const [id = ""] = await s.queue.enqueue(1, { priority: 0 });
    let got: unknown;
    await run(s, async (_, context) => {
      if (context.id === id) got = await context.enqueue(plain, { n: 7 }, { uniqueKey: "k" });
    });
    expect(got).toBe(first?.job.id);
    expect(await s.queue.get(id)).toMatchObject({ state: "completed" });
  });
});

describe("inside a caller's transaction a normal answer leaves the transaction as it is", () => {
  const goesOn = async (tx: Sql): Promise<void> => {
    expect(await tx.query("select 1 as one")).toEqual([{ one: 1 }]);
  };

  it("where a job with another payload holds the key: created is false, with the job's id", async () => {
    const { db, deps } = await start();
    const [first] = await enqueueJobs(deps, [job(1)]);
    await db.transaction(async (tx) => {
      expect(await enqueueJobsIn(tx, [job(2), { ...job(3), uniqueKey: "other" }], null)).toMatchObject([
        { created: false, id: first?.job.id },
        { created: true },
      ]);
      await goesOn(tx);
    });
    expect(await db.query("select count(*)::int as n from forgeq.job")).toEqual([{ n: 2 }]);
  });

  const refusals: [string, NewJob, object][] = [
    ["a conflict that was asked for", job(2, { onConflict: "reject" }), { code: "unique_key_conflict" }],
    ["a full queue", { type: "plain", payload: { n: 2 } }, { code: "queue_full" }],
    ["a full queue, by the general path", job(2, { uniqueKey: "l" }), { code: "queue_full" }],
    ["an unknown queue", { type: "plain", payload: {}, queue: "nowhere" }, { code: "unknown_queue" }],
    ["an unknown type", { type: "nothing", payload: {} }, { code: "unknown_type" }],
    ["an id that no caller may give", job(2, { id: "00000000-0000-4000-8000-000000000000" }), { code: "id_version" }],
  ];
  it.each(refusals)("where it is refused for %s", async (_, refused, error) => {
    const { db, deps } = await start({ queues: [FULL] });
    const [first] = await enqueueJobs(deps, [job(1)]);
    await db.transaction(async (tx) => {
      await tx.query("create temporary table business on commit drop as select 1 as n");
      const thrown: unknown = await enqueueJobsIn(tx, [refused], null).catch((failure: unknown) => failure);
      expect(thrown).toMatchObject({ name: "ForgeqError", ...error });
      if (refused.onConflict !== undefined)
        expect(thrown).toMatchObject({ details: { holderId: first?.job.id, index: 0 } });
      await goesOn(tx);
      expect(await tx.query("select n from business")).toEqual([{ n: 1 }]);
    });
    expect(await db.query("select count(*)::int as n from forgeq.job")).toEqual([{ n: 1 }]);
  });

  it("also for callers of SQL, with enqueue_or_refuse", async () => {
    const { db, deps } = await start({ queues: [FULL] });
    await enqueueJobs(deps, [job(1)]);
    await db.transaction(async (tx) => {
      const ask = (document: unknown) =>
        tx.query<{ answer: object }>("select forgeq.enqueue_or_refuse($1::jsonb) as answer", [
          JSON.stringify(document),
        ]);
      expect(await ask([{ type: "plain", payload: { n: 2 } }])).toMatchObject([
        { answer: { refused: { code: "FQ002", message: "queue plain is full: 1 jobs may wait", index: 0 } } },
      ]);
      expect(await ask([wire(5)])).toMatchObject([{ answer: { jobs: [{ created: false }] } }]);
      await goesOn(tx);
    });
  });
});
