import pg from "pg";
import { describe, expect, it, onTestFinished } from "vitest";
import { defineQueue } from "../../../lib/core/define.ts";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { enqueueMany } from "../../../lib/db/protocol/enqueue.ts";
import { foldCounters } from "../../../lib/db/reads/metrics.ts";
import { cancel, revive } from "../../../lib/db/reads/jobs.ts";
import { setQueue } from "../../../lib/queue/manage/manage-queues.ts";
import { createTestDatabase } from "../../support/database/database.ts";
import { setup, type Setup } from "../../support/queue.ts";

const limited = async (maxPending: number | null, max = 20): Promise<Setup & { readonly url: string }> => {
  const database = await createTestDatabase({ max });
  const queues = [defineQueue({ name: "plain", maxInFlight: null, maxPending })];
  return { ...(await setup({ database, queues, realClock: true })), url: database.url };
};

const items = (jobs: number) => Array.from({ length: jobs }, () => ({ id: uuidV7(), type: "plain", payload: {} }));

const enqueue = (db: Db, jobs: number): Promise<boolean> =>
  enqueueMany(db, items(jobs), true, null).then(
    () => true,
    (error: unknown) => {
      if ((error as { code?: string }).code !== "queue_full") throw error;
      return false;
    },
  );

/** What waits, by the rows themselves. */
const waiting = async (db: Db): Promise<number> =>
  (await db.query<{ n: number }>("select count(*)::int as n from forgeq.job where claim_id is null"))[0]!.n;

const counted = async (db: Db): Promise<number | null> =>
  (await db.query<{ n: number | null }>("select jobs::int as n from forgeq.waiting_jobs('plain')"))[0]?.n ?? null;

const client = async (url: string): Promise<pg.Client> => {
  const made = new pg.Client({ connectionString: url });
  await made.connect();
  onTestFinished(() => made.end());
  return made;
};

/** A caller's own transaction that has enqueued and goes on. */
const openWithOneJob = async (tx: pg.Client): Promise<void> => {
  await tx.query("begin");
  // Its enqueue comes later than its beginning, as that of a caller who is further away than this test.
  await tx.query("select pg_sleep(0.01)");
  await tx.query("select forgeq.enqueue('plain', '{}')");
};

interface Plan {
  readonly "QUERY PLAN": readonly { readonly Plan: { readonly [key: string]: number } }[];
}

/**
 * The buffers of one enqueue of one job: the least of a hundred, so that neither a page split nor a first touch counts, nor those calls of a loaded machine whose
 * statement begins so long after its transaction that it writes no mark.
 */
const buffersOfOne = async (db: Db): Promise<number> => {
  let least = Infinity;
  for (let n = 0; n < 100; n += 1) {
    const [row] = await db.query<Plan>(
      "explain (analyze, buffers, timing off, format json) select * from forgeq.enqueue_many($1::jsonb, true)",
      [JSON.stringify(items(1))],
    );
    const plan = row!["QUERY PLAN"][0]!.Plan;
    least = Math.min(least, plan["Shared Hit Blocks"]! + plan["Shared Read Blocks"]!);
  }
  return least;
};

/** Of one enqueue, as in test/scale/bounds.ts. */
const MOST_BUFFERS = 35;
const FILL = `insert into forgeq.job (id, run_at, priority, max_attempts, queue, type, payload)
select forgeq.uuid_v7(), now(), 5, 3, 'plain', 'plain', '{}' from generate_series(1, $1::int)`;

describe("max_pending", () => {
  it(
    "costs an enqueue at most 35 buffers, however many jobs wait and queues and types there are",
    { timeout: 120_000 },
    async () => {
      const { db, deps } = await limited(null, 1);
      await db.query("insert into forgeq.queue (name) select 'q' || g from generate_series(1, 1000) g");
      await db.query(
        "insert into forgeq.job_type (type, queue, backoff) select 't' || g, 'q' || g, '{}' from generate_series(1, 1000) g",
      );
      await db.query("vacuum analyze forgeq.queue, forgeq.job_type, forgeq.metric_series");
      await setQueue(deps, "plain", { maxPending: 1_000_000 });
      const empty = await buffersOfOne(db);
      await db.query(FILL, [50_000]);
      const full = await buffersOfOne(db);
      expect(full, `${empty} with an empty queue`).toBeLessThanOrEqual(MOST_BUFFERS);
    },
  );

  it(
    "costs the same beside a snapshot and a transaction that has enqueued, held for 3,000 calls",
    { timeout: 120_000 },
    async () => {
      const { db, url } = await limited(1_000_000, 1);
      const [snapshot, tx] = [await client(url), await client(url)];
      await db.query(FILL, [10_000]);
      await db.query("select forgeq.metric_add('plain', 'plain', 'e', 10000)");
      await foldCounters(db, null);
      const alone = await buffersOfOne(db);
      await snapshot.query("begin isolation level repeatable read; select from forgeq.job");
      await openWithOneJob(tx);
      for (let n = 0; n < 3_000; n += 1) await enqueue(db, 1);
      expect(await buffersOfOne(db), `${alone} without them`).toBeLessThanOrEqual(MOST_BUFFERS);
      await tx.query("commit");
      expect(await counted(db)).toBe(await waiting(db));
    },
  );

  it("is overshot by 16 callers by at most a hundredth for each, and is reached", { timeout: 120_000 }, async () => {
    const { db } = await limited(1_000);
    await Promise.all(
      Array.from({ length: 16 }, async (_, caller) => {
        while (await enqueue(db, 5 + caller));
      }),
    );
    const stored = await waiting(db);
    expect(stored).toBeLessThanOrEqual(1_000 + 15 * 10);
    expect(stored).toBeGreaterThan(1_000 - 20);
    expect(await counted(db)).toBe(stored);
  });

  it("counts what is claimed, given back, retried, cancelled and changed by hand", async () => {
    const { db, queue, deps } = await limited(100);
    const settled = async (step: string) => expect(await counted(db), step).toBe(await waiting(db));
    const ids = await queue.enqueue(20);
    await settled("enqueued");
    const lease = await queue.lease();
    await settled("claimed");
    await queue.settle(lease, "retry");
    await settled("given back");
    await cancel(db, ids[19]!, null);
    await settled("cancelled");
    await revive(db, ids[19]!, 1, null);
    await settled("retried by hand");
    await db.transaction(async (tx) => {
      await tx.query("select forgeq.enqueue('plain', '{}'), forgeq.enqueue('plain', '{}')");
    });
    await settled("enqueued by a caller's transaction");
    await db.query("delete from forgeq.job where id = $1", [ids[5]]);
    await foldCounters(db, null);
    await settled("deleted by hand, and a tick");
    await setQueue(deps, "plain", { maxPending: null });
    expect(await counted(db)).toBeNull();
    await queue.enqueue(3);
    await setQueue(deps, "plain", { maxPending: 7 });
    await settled("limited again");
  });

  it("holds a caller's open transaction up for nobody, and nobody for it", async () => {
    const { db, url } = await limited(3);
    const tx = await client(url);
    expect(await enqueue(db, 1)).toBe(true);
    await openWithOneJob(tx);
    expect(await enqueue(db, 2)).toBe(true);
    expect(await enqueue(db, 1)).toBe(false);
    await tx.query("commit");
    expect(await waiting(db)).toBe(4);
    expect(await counted(db)).toBe(4);
  });
});
