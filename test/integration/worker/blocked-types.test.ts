import * as z from "zod";
import { describe, expect, it } from "vitest";
import { defineJob, defineQueue } from "../../../lib/core/define.ts";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import type { Work } from "../../../lib/queue/run/run-job.ts";
import { explain } from "../../support/database/explain.ts";
import { plain, unlimited } from "../../support/queue.ts";
import { setupTimed } from "../../support/worker/timed.ts";

const crawl = defineJob({ type: "crawl", queue: "crawl", payload: z.looseObject({}), queues: ["plain"] });
const crawling = defineQueue({ name: "crawl", maxInFlight: null });
/** By hand with more: FORGEQ_TEST_BACKLOG=1000000. */
const BACKLOG = Number(process.env["FORGEQ_TEST_BACKLOG"] ?? 20_000);
const TIME_OUT_MS = 30_000 + BACKLOG / 2;
const STORED_TOGETHER = 1_000;

class Undone extends Error {
  readonly buffers: number;
  constructor(buffers: number) {
    super();
    this.buffers = buffers;
  }
}

interface Answer {
  readonly queues: readonly [
    { readonly watermarks: readonly string[]; readonly continued: readonly string[] | null; readonly more: boolean },
  ];
}

/** Workers that run `plain` jobs only, beside a backlog of another type. */
const setupBlocked = async (backlog: number, queue: string) => {
  const s = await setupTimed({ jobs: [plain, crawl], queues: [unlimited, crawling] });
  for (let left = backlog; left > 0; left -= STORED_TOGETHER) {
    await s.enqueue(Array.from({ length: Math.min(left, STORED_TOGETHER) }, () => ({ type: "crawl", queue })));
    await s.time.pass(0.001);
  }
  await s.db.query("vacuum analyze forgeq.job");
  await s.time.pass(2);
  const work: Work<z.ZodType> = (_, job) => Promise.resolve(void s.ran.push({ id: job.id, atMs: s.time.now() }));
  const handlers = { plain: { definition: plain, work }, crawl: { definition: crawl, work } };
  /** What a worker that runs these types and has come to rest sends in a minute. */
  const minute = async (types: readonly (keyof typeof handlers)[] = ["plain"]) => {
    const { takes, worker } = s.start({ handlers: new Map(types.map((type) => [type, handlers[type]])) }, true);
    await s.time.pass(60);
    takes();
    await s.time.pass(60);
    // Without the dearest: a connection that is opened meanwhile reads the catalog in its first take.
    const [, ...sent] = takes().sort((one, other) => other.buffers - one.buffers);
    return { worker, takes: sent.length, buffers: sent.reduce((sum, { buffers }) => sum + buffers, 0) };
  };
  return { ...s, minute };
};

it(
  "costs what an idle worker costs beside a backlog of another type in another queue",
  { timeout: TIME_OUT_MS },
  async () => {
    const s = await setupBlocked(BACKLOG, "crawl");
    const blocked = await s.minute();
    // An idle one in the same database, where each look descends the same index.
    await s.db.query("update forgeq.queue set paused = true where name = 'crawl'");
    const idle = await s.minute(["plain", "crawl"]);
    expect(blocked.takes).toBeLessThanOrEqual(idle.takes + 1);
    expect(blocked.buffers).toBeLessThanOrEqual(1.25 * idle.buffers);
  },
);

it(
  "costs little more beside a backlog of another type in its own queue, and finds its own jobs before and behind it",
  { timeout: TIME_OUT_MS },
  async () => {
    const idle = await (await setupBlocked(0, "plain")).minute();
    const s = await setupBlocked(BACKLOG, "plain");
    const blocked = await s.minute();
    expect(blocked.takes).toBeLessThanOrEqual(idle.takes + 1);
    // A sweep examines a bounded part of the backlog in each poll.
    expect(blocked.buffers / blocked.takes).toBeLessThan(1_000);

    /** The job begins within a second of the test's time, which waits for Postgres. */
    const begins = async (id: string | undefined) => {
      for (let step = 0; step < 10 && s.ran.at(-1)?.id !== id; step += 1) await s.time.pass(0.1);
      expect(s.ran.at(-1)?.id).toBe(id);
    };
    // Also when a part of the sweep is due, every 10 s.
    for (let n = 0; n < 12; n += 1) {
      await s.time.pass(1);
      const [announced] = await s.enqueue([{}]);
      blocked.worker.hint(0, "plain");
      await begins(announced);
    }
    // Every second poll goes on with the sweep, by 5,000 jobs.
    const [unannounced] = await s.enqueue([{}]);
    await s.time.pass(13 * Math.max(1, BACKLOG / 20_000));
    await begins(unannounced);
    const [backdated] = await s.enqueue([{ runAt: new Date(s.clock().getTime() - 300_000) }]);
    await s.time.pass(60 * Math.max(1, BACKLOG / 20_000));
    await begins(backdated);
  },
);

it("takes for the same buffers, whichever types of other queues the worker lacks", async () => {
  const s = await setupBlocked(BACKLOG, "crawl");
  await s.enqueue(Array.from({ length: 7_000 }, () => ({})));
  await s.db.query("vacuum analyze forgeq.job");
  const marks = Array.from({ length: 10 }, () => s.at(-5).toISOString());
  const take = async (types: readonly string[]) => {
    const takes = JSON.stringify([{ queue: "plain", claim_id: uuidV7(), watermarks: marks }]);
    const call = "select * from forgeq.settle_and_take($1, '[]', $2::jsonb, $3::text[], 10, null, null, $4)";
    return (await explain(s.db, call, [uuidV7(), takes, types, s.clock()])).buffers;
  };
  // The first call of a connection reads what it keeps from then on.
  for (const types of [["plain", "crawl"], ["plain"]]) await take(types);
  const all = await take(["plain", "crawl"]);
  expect(await take(["plain"])).toBeLessThanOrEqual(1.1 * all);
});

describe("beside a backlog of another type that is due at one instant", () => {
  const TIED = Math.max(60_000, BACKLOG);

  /** Among and behind them are jobs of a type that the worker runs, some of the same instant, and some that fell due later. */
  const setupTied = async () => {
    const s = await setupTimed({ jobs: [plain, crawl], queues: [unlimited, crawling] });
    await s.db.query("insert into forgeq.metric_series (queue, type) values ('plain', 'crawl') on conflict do nothing");
    const at = s.at(-600);
    const store = (type: string, jobs: number, runAt: Date) =>
      s.db.query(
        `insert into forgeq.job (id, run_at, priority, max_attempts, queue, type, payload)
         select forgeq.uuid_v7(), $3, 5, 8, 'plain', $1, '{}' from generate_series(1, $2::int)`,
        [type, jobs, runAt],
      );
    await store("crawl", TIED / 2, at);
    await store("plain", 3, at);
    await store("crawl", TIED / 2, at);
    await store("plain", 2, at);
    await store("plain", 4, s.at(-300));
    await s.db.query("vacuum analyze forgeq.job");
    const worker = uuidV7();
    let marks: readonly string[] | null = null;
    const take = async (types: readonly string[], jobs = 10) => {
      const takes = JSON.stringify([{ queue: "plain", claim_id: uuidV7(), watermarks: marks }]);
      const call = "forgeq.settle_and_take($1, '[]', $2::jsonb, $3::text[], $4, null, null, $5)";
      const params = [worker, takes, types, jobs, s.clock()];
      const buffers = await s.db
        .transaction(async (tx) => {
          // The first call of a connection reads what it keeps from then on.
          await tx.query("savepoint warm");
          await explain(tx, `select * from ${call}`, params);
          await tx.query("rollback to savepoint warm");
          throw new Undone((await explain(tx, `select * from ${call}`, params)).buffers);
        })
        .catch((error: unknown) => {
          if (error instanceof Undone) return error.buffers;
          throw error;
        });
      const rows = await s.db.query<{ id: string | null; answer: Answer | null }>(
        `select id, answer from ${call}`,
        params,
      );
      const [found] = rows.at(-1)!.answer!.queues;
      marks = found.continued ?? found.watermarks;
      return { jobs: rows.length - 1, buffers, more: found.more };
    };
    return { ...s, take, forget: () => (marks = null) };
  };

  it("examines a bounded part of it in a take, and finds each job of its own", { timeout: TIME_OUT_MS }, async () => {
    const s = await setupTied();
    let taken = 0;
    let calls = 0;
    for (let more = true; more; calls += 1) {
      const { buffers, ...found } = await s.take(["plain"]);
      expect(buffers).toBeLessThan(500);
      taken += found.jobs;
      more = found.more;
      expect(calls).toBeLessThanOrEqual(TIED / 3_000 + 10);
    }
    expect(taken).toBe(9);
    expect(calls).toBeGreaterThan(TIED / 10_000);
  });

  it(
    "takes its own jobs there one by one, each once, and begins none of them anew",
    { timeout: TIME_OUT_MS },
    async () => {
      const s = await setupTied();
      let taken = 0;
      for (let calls = 0; taken < 9 && calls < TIED / 3_000 + 30; calls += 1)
        taken += (await s.take(["plain"], 1)).jobs;
      expect(taken).toBe(9);
      s.forget();
      for (let more = true; more;) {
        const found = await s.take(["plain"]);
        expect(found.jobs).toBe(0);
        more = found.more;
      }
    },
  );

  it("leaves jobs to a worker that runs all types, whose takes cost what they do elsewhere", async () => {
    const s = await setupTied();
    for (let calls = 0; calls < 3; calls += 1) await s.take(["plain"]);
    const { jobs, buffers } = await s.take(["plain", "crawl"], 100);
    expect(jobs).toBe(100);
    expect(buffers).toBeLessThan(1_200);
  });
});
