import { expect, it } from "vitest";
import { createHandler } from "../../../functions/enqueue.ts";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import { connectDb } from "../../../lib/db/drivers/connect.ts";
import { enqueueJobs } from "../../../lib/queue/enqueue/enqueue-jobs.ts";
import { type Driver, neonOf } from "../../support/database/drivers.ts";
import { startProxy } from "../../support/database/proxy.ts";
import { ALL_SCOPES, send } from "../../support/http/http.ts";
import { plain, unlimited } from "../../support/queue.ts";
import { setupWorkers, until } from "../../support/worker/worker.ts";

/** By hand: FORGEQ_LOST_ENQUEUES=2000. */
const BY_HAND = process.env.FORGEQ_LOST_ENQUEUES;
/** Over HTTP, and in a queue that keeps its jobs, as a check of the others. */
const FEW = Number(BY_HAND ?? 60);
const JOBS = Number(BY_HAND ?? 300);

/** A worker that counts how often each job runs, and a caller whose every second answer of an enqueue is lost. */
const scene = async (driver: Driver, keepCompleted: boolean) => {
  const s = await setupWorkers({ queues: [{ ...unlimited, keepCompleted }] });
  const target = driver === "pg" ? null : await neonOf(s.url);
  const proxy = await startProxy(target?.port ?? Number(new URL(s.url).port));
  const db = await connectDb(
    target === null
      ? { url: proxy.through(s.url) }
      : { url: s.url, driver, fetchEndpoint: proxy.through(target.fetchEndpoint) },
  );
  const ran = new Map<string, number>();
  s.start((_, job) => Promise.resolve(void ran.set(job.id, (ran.get(job.id) ?? 0) + 1)));
  const deps = { ...s.deps, db, config: { ...s.deps.config, dispatcherFunction: null } };
  const lose = (n: number) => n % 2 === 1 && proxy.loseAnswers("enqueue");
  return { ...s, deps, proxy, ran, lose, close: () => db.close() };
};

const finish = async ({ db, ran, proxy, close }: Awaited<ReturnType<typeof scene>>, ids: readonly string[]) => {
  await until(async () => (await db.query("select from forgeq.job limit 1")).length === 0);
  await close();
  expect(proxy.lost()).toBe(Math.floor(ids.length / 2));
  expect(Object.fromEntries(ran)).toEqual(Object.fromEntries(ids.map((id) => [id, 1])));
};

it.each([
  { driver: "pg", keepCompleted: false, jobs: JOBS },
  { driver: "pg", keepCompleted: true, jobs: FEW },
  { driver: "neon", keepCompleted: false, jobs: FEW },
  { driver: "neon", keepCompleted: true, jobs: FEW },
] as const)(
  "runs each of $jobs jobs once whose every second answer is lost: over $driver, completed jobs kept: $keepCompleted",
  { timeout: 600_000 },
  async ({ driver, keepCompleted, jobs }) => {
    const s = await scene(driver, keepCompleted);
    const ids: string[] = [];
    for (let n = 0; n < jobs; n += 1) {
      s.lose(n);
      const [answer] = await enqueueJobs(s.deps, [{ type: "plain", payload: { n } }]);
      expect(answer).toMatchObject({ created: true });
      ids.push(answer!.job.id);
    }
    await finish(s, ids);
  },
);

it(
  "runs each job once of POST /jobs with the caller's id, sent twice, completed jobs not kept",
  { timeout: 600_000 },
  async () => {
    const s = await scene("pg", false);
    const handler = createHandler(s.deps, ALL_SCOPES, [plain]);
    const ids: string[] = [];
    for (let n = 0; n < FEW; n += 1) {
      s.lose(n);
      const id = uuidV7();
      const post = () => send(handler, { path: "/jobs", body: { id, type: "plain", payload: { n } } });
      expect([200, 201]).toContain((await post()).status);
      await until(() => s.ran.has(id));
      expect(await post()).toMatchObject({ status: 200, body: { id } });
      ids.push(id);
    }
    await finish(s, ids);
  },
);
