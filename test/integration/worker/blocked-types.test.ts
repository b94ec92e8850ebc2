import * as z from "zod";
import { expect, it } from "vitest";
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

/** Workers that run `plain` jobs only, beside a backlog of another type. */
const setupBlocked = async (backlog: number, queue: string) => {
  const s = await setupTimed({ jobs: [plain, crawl], queues: [unlimited, crawling] });
  for (let left = backlog; left > 0; left -= STORED_TOGETHER) {
    // Those that fall due at one instant are examined together, however many they are.
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
    const sent = takes();
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

    // The time is a test's own; Postgres takes some of the real one.
    const last = () => s.ran.at(-1)?.id;
    const [announced] = await s.enqueue([{}]);
    blocked.worker.hint(0, "plain");
    await s.time.pass(0.1);
    await expect.poll(last).toBe(announced);
    // Every second poll goes on with the sweep, by 5,000 jobs.
    const [unannounced] = await s.enqueue([{}]);
    await s.time.pass(13 * Math.max(1, BACKLOG / 20_000));
    await expect.poll(last).toBe(unannounced);
    const [backdated] = await s.enqueue([{ runAt: new Date(s.clock().getTime() - 300_000) }]);
    await s.time.pass(60 * Math.max(1, BACKLOG / 20_000));
    await expect.poll(last).toBe(backdated);
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
  await take(["plain", "crawl"]);
  const all = await take(["plain", "crawl"]);
  expect(await take(["plain"])).toBeLessThanOrEqual(1.1 * all);
});
