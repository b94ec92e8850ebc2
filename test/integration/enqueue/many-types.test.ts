import { expect, it } from "vitest";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { createTestDatabase } from "../../support/database/database.ts";
import { setup } from "../../support/queue.ts";

interface Plan {
  readonly "QUERY PLAN": readonly { readonly Plan: { readonly [key: string]: number } }[];
}

/** The buffers of a call: the least of ten, so that a page split or a first touch does not count. */
const buffersOf = async (db: Db, call: string, params: () => readonly unknown[]): Promise<number> => {
  let least = Infinity;
  for (let n = 0; n < 10; n += 1) {
    const [row] = await db.query<Plan>(`explain (analyze, buffers, timing off, format json) select ${call}`, params());
    const plan = row!["QUERY PLAN"][0]!.Plan;
    least = Math.min(least, plan["Shared Hit Blocks"]! + plan["Shared Read Blocks"]!);
  }
  return least;
};

const MANY = "forgeq.enqueue_many($1::jsonb, true)";
const EAGER =
  "forgeq.enqueue_and_claim(jsonb_build_array(jsonb_build_object('id', $1::uuid, 'type', 'plain', 'payload', '{}'::jsonb)), true)";
const LINES =
  "forgeq.enqueue_lines(array[$1::uuid], '{}', array['plain'], null, '{\"delay_seconds\": 60}', null, true)";

it("reads no types and queues but those of its jobs", async () => {
  const { db } = await setup({ database: await createTestDatabase({ max: 1 }) });
  const measure = async () => ({
    many: await buffersOf(db, MANY, () => [
      JSON.stringify([{ id: uuidV7(), type: "plain", payload: {}, unique_key: uuidV7() }]),
    ]),
    eager: await buffersOf(db, EAGER, () => [uuidV7()]),
    lines: await buffersOf(db, LINES, () => [uuidV7()]),
  });
  const few = await measure();
  await db.query("insert into forgeq.queue (name) select 'q' || g from generate_series(1, 1000) g");
  await db.query(
    "insert into forgeq.job_type (type, queue, backoff) select 't' || g, 'q' || g, '{}' from generate_series(1, 1000) g",
  );
  await db.query("vacuum analyze forgeq.queue, forgeq.job_type, forgeq.metric_series");
  const many = await measure();
  // Three indexes have become deeper.
  expect(many.many).toBeLessThanOrEqual(few.many + 8);
  expect(many.eager).toBeLessThanOrEqual(few.eager + 10);
  expect(many.lines).toBeLessThanOrEqual(few.lines + 8);
});
