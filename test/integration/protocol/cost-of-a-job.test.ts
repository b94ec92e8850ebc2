import * as z from "zod";
import { expect, it } from "vitest";
import { defineJob, defineQueue } from "../../../lib/core/define.ts";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import type { Db, Sql } from "../../../lib/db/drivers/client.ts";
import { dispatch } from "../../../lib/queue/lambda/dispatch.ts";
import { runInvocation } from "../../../lib/queue/lambda/run-invocation.ts";
import { createWorker } from "../../../lib/queue/worker/worker.ts";
import { setup } from "../../support/queue.ts";

/** Regression gates on what can be counted exactly. A change that raises one needs its reason, and its new number here. */
const JOBS = 500;
const PAYLOAD = { email: "user123@example.com", subject: "Welcome", body: "Hello, and welcome", n: 123, sentAtMs: 1.5 };

interface Plan {
  readonly "QUERY PLAN": readonly [{ readonly Plan: { readonly "WAL Bytes": number } }];
}

/** Bytes of WAL that a call of the protocol writes, whatever else the server does. */
const walOf = async (db: Db, call: string, params: readonly unknown[]): Promise<number> => {
  const [row] = await db.query<Plan>(`explain (analyze, wal, format json) select * from ${call}`, params);
  return row!["QUERY PLAN"][0].Plan["WAL Bytes"];
};

const counting = (db: Db) => {
  let statements = 0;
  const counted: Db = {
    ...db,
    query: (text, params) => {
      statements += 1;
      return db.query(text, params);
    },
  };
  return { db: counted, statements: () => statements };
};

it("writes at most 365 bytes of WAL to store a job, and 570 to run it and keep its history", async () => {
  const s = await setup();
  const worker = uuidV7();
  const take = () => JSON.stringify([{ queue: "plain", claim_id: uuidV7(), watermarks: null }]);
  const round = async () => {
    const ids = Array.from({ length: JOBS }, uuidV7);
    const lines = ids.map(() => JSON.stringify(PAYLOAD)).join("\n");
    const store = "forgeq.enqueue_lines($1::uuid[], $2, '{plain}', fresh => true, at => $3)";
    const stored = await walOf(s.db, store, [ids, lines, s.at(0)]);
    const call = "forgeq.settle_and_take($1, $2::jsonb, $3::jsonb, '{plain}', $4, null, null, $5)";
    const taken = await walOf(s.db, call, [worker, "[]", take(), JOBS, s.at(1)]);
    const [lease] = await s.db.query<{ id: string; job_ids: string[] }>("select id, job_ids from forgeq.lease");
    expect(lease!.job_ids).toHaveLength(JOBS);
    const ended = lease!.job_ids.map((id) => ({ id, outcome: "completed", result: null }));
    const settled = await walOf(s.db, call, [
      worker,
      JSON.stringify([{ lease_id: lease!.id, ended }]),
      "[]",
      0,
      s.at(2),
    ]);
    return { stored: stored / JOBS, ran: (taken + settled) / JOBS };
  };
  // The first round extends tables and sets hints.
  await round();
  const { stored, ran } = await round();
  expect(stored).toBeLessThanOrEqual(365);
  expect(ran).toBeLessThanOrEqual(570);
});

it.each([0, 20, 60, 200, 1_000])("claims every job in place, with a payload of %i letters", async (letters) => {
  const s = await setup();
  await s.queue.enqueue(JOBS, { payload: { text: "x".repeat(letters) } });
  const pages = () => s.db.query("select id, split_part(ctid::text, ',', 1) as page from forgeq.job order by id");
  const before = await pages();
  const { leases } = await s.queue.claim(JOBS);
  expect(leases.reduce((sum, { jobs }) => sum + jobs, 0)).toBe(JOBS);
  expect(await pages()).toEqual(before);
});

it("reads nothing again that it has taken, while more wait", async () => {
  const s = await setup();
  await s.queue.enqueue(1_500);
  const worker = uuidV7();
  const call = "select * from forgeq.settle_and_take($1, '[]', $2::jsonb, '{plain}', 100, null, null, $3)";
  /** Rows that the index has led to, among them what a scan passes over; of this connection, since the last time that it told the server. */
  const readsOf = async (tx: Sql): Promise<number> => {
    const [read] = await tx.query<{ rows: number }>(
      "select pg_stat_get_xact_tuples_fetched('forgeq.job_due'::regclass)::int as rows",
    );
    return read!.rows;
  };
  const take = (watermarks: readonly string[] | null) =>
    s.db.transaction(async (tx) => {
      const takes = JSON.stringify([{ queue: "plain", claim_id: uuidV7(), watermarks }]);
      const before = await readsOf(tx);
      const rows = await tx.query<{ answer: { queues: { continued: string[]; watermarks: string[] }[] } }>(call, [
        worker,
        takes,
        s.at(1),
      ]);
      return { ...rows.at(-1)!.answer.queues[0]!, rows: (await readsOf(tx)) - before };
    });
  // Each due at an instant of its own, as jobs of many calls are.
  await s.db.query("update forgeq.job set run_at = run_at - (1500 - (payload->>'n')::int) * interval '1 microsecond'");

  const first = await take(null);
  let { continued } = first;
  for (let n = 0; n < 10; n += 1) {
    const next = await take(continued);
    expect(next.rows).toBeLessThanOrEqual(1.1 * first.rows);
    ({ continued } = next);
  }
  expect((await take(first.watermarks)).rows).toBeGreaterThan(first.rows + 1_000);
});

it("drains a queue by a worker with at most one statement for a hundred jobs", async () => {
  const definition = defineJob({ type: "plain", payload: z.looseObject({}), batchSize: 100 });
  const s = await setup({ realClock: true, jobs: [definition] });
  for (let n = 0; n < 4; n += 1) await s.queue.enqueue(JOBS);
  const { db, statements } = counting(s.db);
  const worker = createWorker(
    { ...s.deps, db },
    {
      handlers: new Map([["plain", { definition, work: () => Promise.resolve(null) }]]),
      concurrency: 1_000,
      queues: ["plain"],
      invocation: "test",
      once: true,
    },
  );
  await worker.drained;
  await worker.stop(1_000);
  expect(worker.settled.get("completed")).toBe(4 * JOBS);
  expect(statements() / (4 * JOBS)).toBeLessThanOrEqual(0.01);
});

/** One dispatcher, and each invocation that it makes in this process. */
const onLambda = async (jobs: number, batchSize: number) => {
  const definition = defineJob({ type: "plain", payload: z.looseObject({}), batchSize });
  const s = await setup({
    realClock: true,
    jobs: [definition],
    queues: [defineQueue({ name: "plain", maxInFlight: null })],
  });
  for (let n = 0; n < jobs; n += JOBS) await s.queue.enqueue(Math.min(JOBS, jobs - n));
  const { db, statements } = counting(s.db);
  const running: Promise<unknown>[] = [];
  const remainingMs = () => 300_000;
  const deps = {
    ...s.deps,
    db,
    invoker: {
      invoke: (_: string, event: unknown) => {
        const { lease_id: leaseId } = event as { lease_id: string };
        running.push(
          runInvocation(deps, definition, () => Promise.resolve(null), { leaseId, invocation: "i", remainingMs }),
        );
        return Promise.resolve({ outcome: "accepted" as const });
      },
    },
  };
  await dispatch(deps, {}, remainingMs);
  await Promise.all(running);
  const [row] = await s.db.query<{ n: number }>("select count(*)::int as n from forgeq.job_history");
  expect(row!.n).toBe(jobs);
  return { invocations: (running.length + 1) / jobs, statements: statements() / jobs };
};

it("costs 0.03 invocations and 0.1 statements a job on Lambda, in batches of 50", async () => {
  const { invocations, statements } = await onLambda(2_000, 50);
  expect(invocations).toBeLessThanOrEqual(0.03);
  expect(statements).toBeLessThanOrEqual(0.1);
});

it("costs 1.02 invocations and 2.1 statements a job on Lambda, one job an invocation", async () => {
  const { invocations, statements } = await onLambda(800, 1);
  expect(invocations).toBeLessThanOrEqual(1.02);
  expect(statements).toBeLessThanOrEqual(2.1);
});
