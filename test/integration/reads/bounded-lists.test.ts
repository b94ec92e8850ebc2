import { describe, expect, it } from "vitest";
import type { Db } from "../../../lib/db/drivers/client.ts";
import type { JobFilter } from "../../../lib/core/job-filter.ts";
import { type ListFilter, listJobs } from "../../../lib/db/reads/job-list.ts";
import { createTestDatabase } from "../../support/database/database.ts";
import { fillHistory, fillWaiting, type Vacuum } from "../../support/database/fill.ts";
import { metered } from "../../support/database/metered.ts";

const FINISHED = 100_000;
const WAITING = 50_000;
/** Of one call, which is one statement, whatever the filter and however many jobs there are. */
const MOST = 1_500;

const plainly = async (db: Db, { states, types, queues }: JobFilter): Promise<string[]> => {
  const rows = await db.query<{ id: string }>(
    `select id from forgeq.jobs
     where ($1::text[] is null or state = any ($1)) and ($2::text[] is null or type = any ($2)) and ($3::text[] is null or queue = any ($3)) order by id desc`,
    [states ?? null, types ?? null, queues ?? null],
  );
  return rows.map(({ id }) => id);
};

const PART = { payload: false, result: false, attempts: false };

/** Every page of a list, until there is no cursor. */
const walk = async (db: Db, filter: JobFilter) => {
  const ids: string[] = [];
  let calls = 0;
  let after: string | null = null;
  do {
    const page: Awaited<ReturnType<typeof listJobs>> = await listJobs(
      db,
      { ...filter, limit: 100, after, include: PART },
      null,
    );
    expect(page.searchedTo === null).toBe(page.next === null);
    ids.push(...page.jobs.map(({ id }) => id));
    after = page.next;
    calls += 1;
  } while (after !== null);
  return { ids, calls };
};

const RARE: readonly JobFilter[] = [
  { queues: ["reports"] },
  { queues: ["quiet"] },
  { types: ["quiet"] },
  { states: ["completed"], queues: ["quiet"] },
  { states: ["completed"], types: ["quiet"] },
  { states: ["dead"] },
  { states: ["dead"], queues: ["reports"] },
  { states: ["dead"], queues: ["quiet"] },
  { states: ["dead"], types: ["quiet"] },
  { states: ["cancelled"], types: ["generate_report"] },
  { states: ["scheduled"] },
  { states: ["pending"] },
  { states: ["leased"] },
  { states: ["running"] },
  { states: ["running"], queues: ["quiet"] },
];

describe("lists over a large history and a backlog", { timeout: 240_000 }, () => {
  it.each<Vacuum>(["vacuumed", "unvacuumed"])(
    "read a bounded number of pages for each call, and miss no job (%s)",
    async (vacuum) => {
      const { db } = await createTestDatabase();
      await fillHistory(db, FINISHED, 60, vacuum);
      await fillWaiting(db, WAITING, false, vacuum);
      const meter = metered(db);
      for (const filter of [{}, ...RARE]) {
        const { next } = await listJobs(db, { ...filter, limit: 50, after: null, include: PART }, null);
        for (const after of [null, next]) {
          const cost = await meter.costOf((counted) =>
            listJobs(counted, { ...filter, limit: 50, after, include: PART }, null),
          );
          expect(cost.buffers, `${JSON.stringify(filter)} after ${after}`).toBeLessThan(MOST);
          expect(cost.statements).toBe(1);
          expect(cost.compiled).toBe(0);
        }
      }
      for (const unknown of [{ types: ["unknown"] }, { queues: ["unknown"] }]) {
        const cost = await meter.costOf(async (counted) => {
          const page = await listJobs(counted, { ...unknown, limit: 50, after: null, include: PART }, null);
          expect(page).toEqual({ jobs: [], next: null, searchedTo: null });
        });
        expect(cost.buffers).toBeLessThan(50);
      }
      for (const filter of RARE) {
        const { ids, calls } = await walk(db, filter);
        const expected = await plainly(db, filter);
        expect(ids, JSON.stringify(filter)).toEqual(expected);
        expect(calls).toBeLessThan(20 + expected.length / 100);
      }
    },
  );

  it("of all states look at no finished job that is older than the live ones they came to", async () => {
    const { db } = await createTestDatabase();
    await fillHistory(db, FINISHED, 60);
    await fillWaiting(db, WAITING);
    const filter = { queues: ["quiet"], limit: 50, after: null, include: PART } as const;
    const cost = await metered(db).costOf((counted) => listJobs(counted, filter, null));
    expect(cost.buffers).toBeLessThan(800);
  });

  it("of running jobs look no more of them up than fill a page, however many run", async () => {
    const { db } = await createTestDatabase();
    await fillWaiting(db, 5_000);
    await db.query("update forgeq.queue set max_in_flight = null");
    for (let n = 0; n < 10; n += 1)
      await db.query(
        `with claimed as (select jsonb_array_elements(c.leases) ->> 'id' as id from forgeq.claim('emails', gen_random_uuid(), 100) c)
         select count(*) from claimed c cross join lateral forgeq.begin(c.id::uuid, gen_random_uuid(), 60)`,
      );
    const running = await plainly(db, { states: ["running"] });
    expect(running).toHaveLength(1_000);
    const { ids } = await walk(db, { states: ["running"] });
    expect(ids).toEqual(running);
    const filter = { states: ["running"], limit: 100, after: null, include: PART } as const;
    const cost = await metered(db).costOf((counted) => listJobs(counted, filter, null));
    expect(cost.buffers).toBeLessThan(MOST);
  });

  it("find the few jobs of a state behind a large backlog of the other one in one call", async () => {
    const { db } = await createTestDatabase();
    await fillWaiting(db, WAITING, true);
    const [early] = await db.query<{ id: string }>("select id from forgeq.job order by id limit 1 offset 100");
    await db.query("update forgeq.job set run_at = now() - interval '1 minute' where id = $1", [early!.id]);
    const meter = metered(db);
    for (const queue of [undefined, "emails"]) {
      const filter = {
        states: ["pending"],
        limit: 50,
        after: null,
        include: PART,
        ...(queue && { queues: [queue] }),
      } as const;
      const page = await listJobs(db, filter, null);
      expect(page).toMatchObject({ jobs: [{ id: early!.id, state: "pending" }], next: null });
      expect((await meter.costOf((counted) => listJobs(counted, filter, null))).buffers).toBeLessThan(1_000);
    }
  });

  it("lock few relations for the newest page, however many partitions there are", async () => {
    const { db } = await createTestDatabase();
    await fillHistory(db, 20_000, 730);
    const locksOf = (filter: Partial<ListFilter>): Promise<number> =>
      db.transaction(async (tx) => {
        await listJobs(
          { ...db, query: (text, params) => tx.query(text, params) },
          { limit: 50, after: null, include: PART, ...filter },
          null,
        );
        const [row] = await tx.query<{ n: number }>(
          "select count(*)::int as n from pg_locks where pid = pg_backend_pid() and locktype = 'relation'",
        );
        return row!.n;
      });
    expect(await locksOf({})).toBeLessThan(60);
    expect(await locksOf({ queues: ["emails"] })).toBeLessThan(60);
    expect(await locksOf({ states: ["completed"] })).toBeLessThan(60);
    const rows = await db.query<{ name: string }>(
      `select proname as name from pg_proc
       where proname in ('list_live', 'list_finished', 'queue_stats', 'live_types', 'busiest_queues') and 'jit=off' = any (proconfig)`,
    );
    expect(rows).toHaveLength(5);
  });
});

it("a search over two states reads as many pages as one over one, however many jobs have failed", async () => {
  const { db } = await createTestDatabase();
  await db.query(
    `insert into forgeq.job_type (type, queue, backoff) values ('t', 'q', '{"type": "fixed", "seconds": 1, "jitter": "none"}')`,
  );
  await db.query("insert into forgeq.queue (name) values ('q')");
  await db.query(
    `insert into forgeq.job_history (id, finished_at, created_at, state, life, priority, attempt, max_attempts, payload, queue, type, error)
     select forgeq.uuid_v7(), now(), now(), (array['dead', 'cancelled'])[1 + g % 2]::forgeq.finished_state, 1, 5, 1, 1, '{}', 'q', 't',
            '{"name": "Error", "message": "m"}'
     from generate_series(1, 20000) g`,
  );
  await db.query("vacuum (analyze) forgeq.job_history");
  const filter: JobFilter = { states: ["dead", "cancelled"], error: "fp_0000000000000000" };
  const cost = await metered(db).costOf((counted) =>
    listJobs(counted, { ...filter, limit: 50, after: null, include: PART }, null),
  );
  expect(cost.buffers).toBeLessThan(1_700);
});
