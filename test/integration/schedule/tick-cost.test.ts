import { expect, it } from "vitest";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { tick } from "../../../lib/queue/schedule/tick.ts";
import { explainOnly } from "../../support/database/explain.ts";
import { rowCounts } from "../../support/database/rows.ts";
import { setup } from "../../support/queue.ts";

const QUEUES = 1_000;

const DECLARE = `insert into forgeq.queue (name) select 'q' || n from generate_series(1, $1::int) n`;
const TYPES = `insert into forgeq.job_type (type, queue, backoff) select 'type' || n, 'q' || n, '{}' from generate_series(1, $1::int) n`;

it("reads at most 5,000 buffers, and writes no row, where 1,000 queues and types are idle", async () => {
  const s = await setup();
  await s.db.query(DECLARE, [QUEUES]);
  await s.db.query(TYPES, [QUEUES]);
  const ran = await s.queue.enqueue(1);
  expect(ran.length).toBe(1);
  await s.queue.settle(await s.queue.lease(), "completed");
  const run = async (db: Db) => tick({ ...s.deps, db }, () => 60_000);
  for (const minute of [1, 2, 3]) {
    s.moveTo(minute * 60);
    await run(s.db);
  }
  await s.db.query("vacuum analyze");
  const before = await rowCounts(s.db);
  // The first ones on a connection make their plans, and read the catalog for that.
  const least = new Map<string, number>();
  for (const minute of [4, 5, 6]) {
    s.moveTo(minute * 60);
    await run({
      ...s.db,
      query: async (text, params) => {
        const { buffers } = await explainOnly(s.db, text, params);
        const name = /forgeq:(\w+)/.exec(text)?.[1] ?? text;
        least.set(name, Math.min(least.get(name) ?? Infinity, buffers));
        return s.db.query(text, params);
      },
    });
  }
  expect(await rowCounts(s.db)).toEqual(before);
  const buffers = [...least.values()].reduce((sum, each) => sum + each, 0);
  expect(buffers, JSON.stringify(Object.fromEntries(least))).toBeLessThanOrEqual(5_000);
});
