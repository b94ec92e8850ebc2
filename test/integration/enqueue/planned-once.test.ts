import type { IdentifiedJob } from "../../../lib/core/new-job.ts";
import { expect, it } from "vitest";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { enqueueAndBegin, enqueueAndClaim, enqueueMany } from "../../../lib/db/protocol/enqueue.ts";
import { extendLease, releaseUnbegun } from "../../../lib/db/protocol/leases.ts";
import { notifyWorkers } from "../../../lib/db/protocol/listen.ts";
import { settleAndTake } from "../../../lib/db/protocol/take.ts";
import { markDispatcher, wakeWanted } from "../../../lib/db/protocol/wake.ts";
import { createTestDatabase } from "../../support/database/database.ts";
import { openWith } from "../../support/database/drivers.ts";
import { setup } from "../../support/queue.ts";

const items = (count: number, more: Partial<IdentifiedJob> = {}): IdentifiedJob[] =>
  Array.from({ length: count }, () => ({ id: uuidV7(), type: "plain", payload: {}, ...more }));

/** What processes send all the time, with what they say of it most often. */
const callAll = async (db: Db): Promise<void> => {
  const worker = uuidV7();
  for (const hint of [false, true]) {
    await enqueueMany(db, items(1), true, null, hint);
    await enqueueMany(db, items(2, { delaySeconds: 0 }), true, null, hint);
  }
  await enqueueMany(db, items(7, { delaySeconds: 0 }), true, null);
  await enqueueAndBegin(db, items(1), { queue: "plain", worker, invocation: "test", at: null });
  await enqueueAndClaim(db, items(1), { fresh: true, dispatchSeconds: 90, at: null });
  for (const housekeeping of [
    undefined,
    { offer: null },
    { offer: { queues: ["plain"], types: ["plain"], seconds: 8, probe: "probe 1" } },
  ]) {
    await settleAndTake(db, {
      worker,
      settles: [],
      takes: [{ queue: "plain", claimId: uuidV7(), watermarks: null }],
      types: ["plain"],
      maxJobs: 5,
      invocation: "test",
      dueHorizonSeconds: 60,
      ...(housekeeping && { housekeeping }),
      at: null,
    });
  }
  await extendLease(db, { leaseId: uuidV7(), begunBy: worker, leaseSeconds: 60, progress: null, at: null });
  await releaseUnbegun(db, {
    leaseId: uuidV7(),
    reason: "throttled",
    error: { name: "Error", message: "" },
    at: null,
  });
  await wakeWanted(db, 0, null);
  await markDispatcher(db, worker, "active", null, null);
  await notifyWorkers(db, { seconds: 0 });
};

it("keeps one plan for each frequent statement, whatever it says: Postgres plans none of them for a call", async () => {
  const own = await createTestDatabase();
  const db = await openWith("pg", own.url, { max: 1 });
  const { queue } = await setup({ database: { ...own, db } });
  for (let n = 0; n < 10; n += 1) {
    await queue.enqueue();
    await queue.settle(await queue.lease(), "completed");
    await callAll(db);
  }
  const statements = await db.query<{ tag: string; custom: number; generic: number }>(
    `select substring(statement from 'forgeq:(\\w+)') as tag, custom_plans::int as custom, generic_plans::int as generic
     from pg_prepared_statements where name <> ''`,
  );
  expect(new Set(statements.map(({ tag }) => tag)).size).toBe(12);
  // Each is planned five times at first, to be compared with a plan for all calls.
  expect(statements.filter(({ custom, generic }) => custom > 5 || generic === 0)).toEqual([]);
});
