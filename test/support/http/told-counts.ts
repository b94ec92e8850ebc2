/** Whether the numbers that the HTTP API tells are those that are there. */
import { expect } from "vitest";
import type { Db } from "../../../lib/db/drivers/client.ts";

const QUEUES = `
with live as (
  select queue, count(*) filter (where run_at > now()) as scheduled, count(*) filter (where run_at <= now()) as pending
  from forgeq.job where claim_id is null group by queue),
dead as (select queue, count(*) as dead from forgeq.job_history where state = 'dead' and revived is null group by queue)
select q.name, coalesce(scheduled, 0)::int as scheduled, coalesce(pending, 0)::int as pending, coalesce(dead, 0)::int as dead
from forgeq.queue q left join live l on l.queue = q.name left join dead d on d.queue = q.name order by q.name collate "C"`;

interface Counts {
  readonly name: string;
  readonly scheduled: number;
  readonly pending: number;
  readonly dead: number;
}

/** Each is counted up to it; above it the other one is told from the sum. */
const EXACT = 10_000;

interface ShownQueue {
  readonly name: string;
  readonly jobs: Counts;
  readonly capped: boolean;
}

/** The body of an answer. */
type Get = (path: string) => Promise<unknown>;

/** Every page of the queues. */
const queuesOf = async (get: Get): Promise<readonly ShownQueue[]> => {
  const queues: ShownQueue[] = [];
  let cursor: string | null = null;
  do {
    const page = (await get(`/queues${cursor === null ? "" : `?cursor=${cursor}`}`)) as {
      readonly data: readonly ShownQueue[];
      readonly next_cursor: string | null;
    };
    queues.push(...page.data);
    expect(page.data.length).toBe(cursor === null ? 100 : 13);
    cursor = page.next_cursor;
  } while (cursor !== null);
  return queues;
};

/** What the month of `month.ts` has in each queue, as the API tells it and as plain SQL counts it. */
export const checkCounts = async (db: Db, get: Get): Promise<void> => {
  const counted = await db.query<Counts>(QUEUES);
  const shown = await queuesOf(get);
  expect(shown.map(({ name }) => name)).toEqual(counted.map(({ name }) => name));
  const many = counted.filter(({ scheduled, pending }) => scheduled > EXACT && pending > EXACT);
  expect(many.map(({ name }) => name)).toEqual(["emails"]);
  for (const [n, { name, jobs, capped }] of shown.entries()) {
    const { name: _, ...exact } = counted[n]!;
    expect([name, capped, jobs.dead]).toEqual([name, name === "emails", exact.dead]);
    if (!capped) expect([name, jobs]).toEqual([name, { ...jobs, ...exact }]);
    else
      for (const state of ["scheduled", "pending"] as const) {
        expect(jobs[state]).toBeGreaterThanOrEqual(EXACT);
        expect(jobs[state]).toBeLessThanOrEqual(exact[state]);
      }
  }
  const dead = counted.reduce((sum, queue) => sum + queue.dead, 0);
  expect(await get("/jobs/counts")).toMatchObject({ dead });
  const overview = (await get("/overview")) as {
    readonly queues: readonly { readonly name: string }[];
  };
  const busiest = new Set(overview.queues.map(({ name }) => name));
  const deadOfBusiest = counted.reduce((sum, queue) => sum + (busiest.has(queue.name) ? queue.dead : 0), 0);
  expect(overview).toMatchObject({ totals: { dead: deadOfBusiest }, queues_left_out: 13 });
};
