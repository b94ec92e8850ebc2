import { expect, it } from "vitest";
import { foldCounters } from "../../../lib/db/reads/metrics.ts";
import { counters } from "../../support/observe/metrics.ts";
import { setup } from "../../support/queue.ts";

const DAY = 86_400;
const DAYS_MS = DAY * 1_000;

it("gives a job as many lives as an integer has", async () => {
  const { db, queue, at, moveTo } = await setup();
  const [id] = await queue.enqueue();
  await queue.settle(await queue.lease(), "dead", { error: { name: "Error", message: "no" } });
  await db.query("update forgeq.job_history set life = 40000");
  expect(await db.query("select outcome from forgeq.retry($1, 40000, $2)", [id, at(1)])).toEqual([
    { outcome: "retried" },
  ]);
  moveTo(1);
  expect(await queue.get(id!)).toMatchObject({ life: 40_001, state: "pending" });
  await queue.settle(await queue.lease(), "completed");
  expect(await queue.get(id!)).toMatchObject({ life: 40_001, state: "completed" });
  expect(await db.query("select life from forgeq.jobs where state = 'completed'")).toEqual([{ life: 40_001 }]);
});

it("counts waits and runs of a year in full, whether the job completed or not", async () => {
  const { db, queue, moveTo, at } = await setup();
  await queue.enqueue(2);
  moveTo(400 * DAY);
  const [completed, failed] = [await queue.lease(1), await queue.lease(1)];
  await db.query("update forgeq.lease set expires_at = $1", [at(900 * DAY)]);
  moveTo(800 * DAY);
  // Partitions of the history reach eight weeks ahead.
  await db.query("select forgeq.ensure_partitions(8, $1)", [at(800 * DAY)]);
  await queue.settle(completed, "completed");
  await queue.settle(failed, "retry", { error: { name: "Error", message: "no" } });
  const expected = {
    "plain/plain/wait_15": 2,
    "plain/plain/wait_ms": 2 * 400 * DAYS_MS,
    "plain/plain/run_17": 2,
    "plain/plain/run_ms": 2 * 400 * DAYS_MS,
  };
  expect(await counters(db)).toMatchObject(expected);
  await foldCounters(db, at(800 * DAY));
  expect(await counters(db)).toMatchObject(expected);
});
