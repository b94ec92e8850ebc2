import { expect, it } from "vitest";
import type { JobFilter } from "../../../lib/core/job-filter.ts";
import { type JobPage, listJobs } from "../../../lib/db/reads/job-list.ts";
import { getJob } from "../../../lib/db/reads/job.ts";
import { cancel, type Job, revive } from "../../../lib/db/reads/jobs.ts";
import { readQueueStats } from "../../../lib/db/reads/stats.ts";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { setup } from "../../support/queue.ts";

const WHOLE = { payload: true, result: true, attempts: true };

const walk = async (db: Db, at: Date | null, limit: number, filter: JobFilter = {}): Promise<Job[]> => {
  const jobs: Job[] = [];
  let after: string | null = null;
  do {
    const page: JobPage = await listJobs(db, { ...filter, limit, after, include: WHOLE }, at);
    jobs.push(...page.jobs);
    after = page.next;
  } while (after !== null);
  return jobs;
};

const ERROR = { name: "Error", message: "no" };

it("shows each job once, in its newest life and as a look by its id shows it, however often it was retried", async () => {
  const { db, queue, at, moveTo } = await setup();
  const ids = await queue.enqueue(40);
  let jobs = ids.length;
  for (let round = 0; round < 4; round += 1) {
    moveTo(100 * round);
    await queue.enqueue(3, { delaySeconds: 50 });
    jobs += (await queue.enqueue(12)).length + 3;
    await queue.settle(await queue.lease(12), "completed");
    await queue.settle(await queue.lease(8), "dead", { error: ERROR });
    // Given back: these have an attempt that failed, and wait or run again.
    await queue.settle(await queue.lease(6), "retry", { error: ERROR, delaySeconds: round });
    moveTo(100 * round + 20);
    await queue.lease(3);
    for (const [n, id] of ids.entries()) {
      const job = await getJob(db, id, at(100 * round + 20));
      if (n % 9 === round) await cancel(db, id, at(100 * round + 20));
      else if (n % 2 === 0 && job?.finishedAt != null) await revive(db, id, job.life, at(100 * round + 20));
    }
    const now = at(100 * round + 30);
    const all = await walk(db, now, 7);
    expect(all.length).toBe(jobs);
    for (const job of all) expect(job).toEqual(await getJob(db, job.id, now));
    for (const state of ["scheduled", "pending", "leased", "running", "completed", "dead", "cancelled"] as const)
      expect(await walk(db, now, 5, { states: [state] })).toEqual(all.filter((job) => job.state === state));
    const [stats] = await readQueueStats(db, ["plain"], now);
    for (const state of ["scheduled", "pending", "leased", "running", "dead"] as const)
      expect(stats![state], state).toBe(all.filter((job) => job.state === state).length);
  }
  expect((await db.query("select from forgeq.job_history where revived")).length).toBeGreaterThan(10);
});

it("leaves out a life that was retried where the next one has left no trace, and does not run the job again for a retry that is sent again", async () => {
  const { db, queue, at } = await setup();
  const [id] = await queue.enqueue(1);
  await queue.settle(await queue.lease(), "dead", { error: ERROR });
  await db.query("update forgeq.queue set keep_completed = false");
  expect(await revive(db, id!, 1, at(0))).toMatchObject({ outcome: "retried" });
  await queue.settle(await queue.lease(), "completed");

  expect(await revive(db, id!, 1, at(0))).toMatchObject({ outcome: "retried" });
  expect(await db.query("select from forgeq.job")).toEqual([]);
  expect(await walk(db, at(0), 10)).toEqual([]);
  expect(await readQueueStats(db, ["plain"], at(0))).toMatchObject([{ dead: 0 }]);
});

it("misses no job that ends while the list is read", async () => {
  const { db, queue } = await setup({ realClock: true });
  const ids = await queue.enqueue(600);
  let ended = 0;
  const finish = async () => {
    for (; ended < ids.length; ended += 4) {
      await queue.settle(await queue.lease(4), ended % 3 === 0 ? "dead" : "completed");
    }
  };
  const finishing = finish();
  do {
    const seen = (await walk(db, null, 100)).map(({ id }) => id);
    expect(seen).toEqual(ids.toSorted().reverse());
  } while (ended < ids.length);
  await finishing;
});
