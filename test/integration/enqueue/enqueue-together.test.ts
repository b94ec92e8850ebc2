import { expect, it } from "vitest";
import { DRIVERS, openWith } from "../../support/database/drivers.ts";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { enqueueJobs } from "../../../lib/queue/enqueue/enqueue-jobs.ts";
import { setup } from "../../support/queue.ts";

/** Counts the statements that store jobs. */
const counting = (db: Db): { readonly db: Db; readonly stored: () => number } => {
  let stored = 0;
  return {
    db: {
      ...db,
      query: (text, params) => {
        if (text.startsWith("/* forgeq:enqueue */")) stored += 1;
        return db.query(text, params);
      },
    },
    stored: () => stored,
  };
};

const plain = (n: number) => ({ type: "plain", payload: { n } });

it.each(DRIVERS)(
  "stores what a hundred callers enqueue concurrently over %s in a few statements, each its own job",
  async (driver) => {
    const s = await setup();
    const { db, stored } = counting(await openWith(driver, s.url));
    const deps = { ...s.deps, db };

    const answers = await Promise.all(Array.from({ length: 100 }, (_, n) => enqueueJobs(deps, [plain(n)])));

    expect(stored()).toBeLessThanOrEqual(3);
    const ids = answers.map(([answer]) => answer!.job.id);
    expect(new Set(ids).size).toBe(100);
    for (const n of [0, 57, 99]) expect((await s.queue.get(ids[n]!)).payload).toEqual({ n });
    // One wake for the statement, not one for each job.
    expect(s.invocations.length).toBeLessThanOrEqual(3);
  },
);

it.each(DRIVERS)("fails only the caller whose job can't be stored, over %s", async (driver) => {
  const s = await setup();
  const { db, stored } = counting(await openWith(driver, s.url));
  const deps = { ...s.deps, db };
  const answers = await Promise.allSettled([
    enqueueJobs(deps, [plain(1)]),
    enqueueJobs(deps, [{ type: "unheard_of", payload: {} }]),
    enqueueJobs(deps, [plain(2), plain(3)]),
  ]);

  // Together, then one by one.
  expect(stored()).toBe(4);
  expect(answers.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(answers[1]).toMatchObject({ reason: { code: "unknown_type", details: { index: 0 } } });
  const [row] = await s.db.query<{ n: number }>("select count(*)::int as n from forgeq.job");
  expect(row?.n).toBe(3);
});

it("lets as many into a queue as it has capacity for, one by one", async () => {
  const s = await setup({
    queues: [{ name: "plain", maxInFlight: null, maxPending: 2, retentionDays: 30, keepCompleted: true }],
  });
  const answers = await Promise.allSettled([1, 2, 3].map((n) => enqueueJobs(s.deps, [plain(n)])));

  expect(answers.filter(({ status }) => status === "fulfilled")).toHaveLength(2);
  expect(answers.find(({ status }) => status === "rejected")).toMatchObject({ reason: { code: "queue_full" } });
});

it("keeps ids and unique keys of the caller's out of shared statements", async () => {
  const s = await setup();
  const { db, stored } = counting(s.db);
  const deps = { ...s.deps, db };
  await Promise.all([
    enqueueJobs(deps, [{ ...plain(1), uniqueKey: "a" }]),
    enqueueJobs(deps, [{ ...plain(2), id: uuidV7() }]),
    enqueueJobs(deps, [plain(3)]),
    enqueueJobs(deps, [plain(4)]),
  ]);
  expect(stored()).toBe(3);
});
