import { expect, it } from "vitest";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { enqueueMany } from "../../../lib/db/protocol/enqueue.ts";
import { openWith } from "../../support/database/drivers.ts";
import { setup } from "../../support/queue.ts";
import { until } from "../../support/worker/worker.ts";

/** Does the type's row know its counter, as it may where the queue has no max_pending? Fails where what it knows is wrong. */
const isKnown = async (db: Db): Promise<boolean> => {
  const [row] = await db.query<{ series: number | null; right: number | null }>(
    `select t.series, s.id as right from forgeq.job_type t
     left join forgeq.queue q on q.name = t.queue and q.max_pending is null
     left join forgeq.metric_series s on s.queue = q.name and s.type = t.type
     where t.type = 'plain'`,
  );
  expect([null, row!.right]).toContain(row!.series);
  return row!.series !== null;
};

const store = (db: Db, jobs: number) =>
  enqueueMany(
    db,
    Array.from({ length: jobs }, () => ({ id: uuidV7(), type: "plain", payload: {} })),
    true,
    null,
  );

const LIMIT = "update forgeq.queue set max_pending = 3 where name = 'plain'";
const UNLIMIT = "update forgeq.queue set max_pending = null where name = 'plain'";
const MOVE = "update forgeq.job_type set queue = 'side' where type = 'plain'";
const MOVE_BACK = "update forgeq.job_type set queue = 'plain' where type = 'plain'";

it("knows a type's counter while its queue has no max_pending, and no longer", async () => {
  const { db } = await setup();
  const after = async (sql: string): Promise<boolean> => {
    await db.query(sql);
    return isKnown(db);
  };
  expect(await isKnown(db)).toBe(true);
  expect(await after(LIMIT)).toBe(false);
  await store(db, 3);
  await expect(store(db, 1)).rejects.toMatchObject({ code: "queue_full" });
  expect(await after(UNLIMIT)).toBe(true);
  await store(db, 1);

  // No job makes a queue that is not there.
  expect(await after(MOVE)).toBe(false);
  await expect(store(db, 1)).rejects.toMatchObject({ code: "unknown_queue" });
  expect(await after("insert into forgeq.queue (name) values ('side')")).toBe(true);
  expect((await store(db, 1))[0]).toMatchObject({ queue: "side" });
  expect(await after("delete from forgeq.queue where name = 'side'")).toBe(false);
  expect(await after("insert into forgeq.queue (name, max_pending) values ('side', 3)")).toBe(false);
  expect(await after(MOVE_BACK)).toBe(true);
  expect(await after("update forgeq.queue set paused = true where name = 'plain'")).toBe(true);
});

it.each([
  ["a limit, then its type moves there", LIMIT, MOVE_BACK, false],
  ["a type, then a limit", MOVE_BACK, LIMIT, false],
  ["no limit again, then its type moves there", UNLIMIT, MOVE_BACK, true],
  ["a type, then no limit again", MOVE_BACK, UNLIMIT, true],
])("is right when a queue gets %s, concurrently", async (_, first, second, known) => {
  const { db, url } = await setup();
  await db.query("insert into forgeq.queue (name) values ('side')");
  await db.query(MOVE);
  if (known) await db.query(LIMIT);
  const other = await openWith("pg", url);
  let waiting: Promise<unknown> = Promise.resolve();
  await db.transaction(async (tx) => {
    await tx.query(first);
    waiting = other.query(second);
    await until(async () => {
      const [row] = await db.query<{ n: number }>(
        "select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      );
      return row!.n === 1;
    });
  });
  await waiting;
  expect(await isKnown(db)).toBe(known);
});
