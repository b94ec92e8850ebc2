import { describe, expect, it } from "vitest";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { setup } from "../../support/queue.ts";

interface Plan {
  readonly "QUERY PLAN": readonly [{ readonly Plan: { readonly "WAL Bytes": number } }];
}

/** Bytes of WAL that a statement writes, its commit record aside. */
const wal = async (db: Db, text: string, params: readonly unknown[]): Promise<number> => {
  const [row] = await db.query<Plan>(`explain (analyze, wal, format json) ${text}`, params);
  return row!["QUERY PLAN"][0].Plan["WAL Bytes"];
};

/** Bytes per job from enqueue to settle, in leases of `jobs` jobs. */
const perJob = async (db: Db, jobs: number): Promise<number> => {
  const runs = 20;
  let bytes = 0;
  for (let n = -2; n < runs; n += 1) {
    const items = Array.from({ length: jobs }, () => ({
      id: uuidV7(),
      type: "plain",
      payload: { email: "test@example.com" },
    }));
    const begunBy = uuidV7();
    const parts = [
      await wal(db, "select * from forgeq.enqueue_many($1::jsonb, true)", [JSON.stringify(items)]),
      await wal(db, "select * from forgeq.claim('plain', $1::uuid, 100)", [uuidV7()]),
    ];
    const [lease] = await db.query<{ id: string; job_ids: string[] }>("select id, job_ids from forgeq.lease");
    const ended = lease!.job_ids.map((id) => ({ id, outcome: "completed", result: { ok: true } }));
    parts.push(
      await wal(db, "select * from forgeq.begin($1::uuid, $2::uuid, 60)", [lease!.id, begunBy]),
      await wal(db, "select * from forgeq.settle($1::uuid, $2::uuid, $3::jsonb)", [
        lease!.id,
        begunBy,
        JSON.stringify(ended),
      ]),
    );
    // The first ones fill pages that the others find.
    if (n >= 0) bytes += parts.reduce((sum, part) => sum + part, 0);
  }
  return bytes / runs / jobs;
};

/** Jobs that the counters have heard of. */
const counters = async (db: Db): Promise<number> => {
  const [row] = await db.query<{ jobs: number }>(
    `select coalesce(sum(jobs), 0)::int as jobs
     from forgeq.metric_deltas`,
  );
  return row!.jobs;
};

/** The same database as it would be without counters. */
const WITHOUT = `
create or replace function forgeq.metric_add(queue text, type text, kind "char", jobs int) returns int language sql as $$ select jobs $$;
create or replace function forgeq.metric_end(state text, outcome text, run_at timestamptz, began_at timestamptz, ended_at timestamptz)
returns bytea language sql as $$ select ''::bytea $$;
delete from forgeq.metric_series;
alter table forgeq.lease_closed drop column xid;
create index on forgeq.lease_closed (closed_at);
alter table forgeq.lease alter column tally set default '';`;

describe("feeding the counters", () => {
  it.each([1, 10, 100])("costs at most a twentieth more WAL per job in leases of %i", async (jobs) => {
    const [counting, plain] = [await setup({ realClock: true }), await setup({ realClock: true })];
    for (const { db } of [counting, plain]) await db.query("update forgeq.job_type set batch_size = 100");
    await plain.db.query(WITHOUT);
    const [more, less] = [await perJob(counting.db, jobs), await perJob(plain.db, jobs)];
    // Not that it costs more: that is less than what a page that fills up by chance adds to either.
    expect(await counters(counting.db)).toBeGreaterThan(0);
    expect(await counters(plain.db)).toBe(0);
    expect(more / less).toBeLessThanOrEqual(1.05);
  });

  it("makes none of sixteen settlers wait for a lock", async () => {
    const { db, queue } = await setup({ realClock: true });
    await db.query("select set_config('deadlock_timeout', '10ms', false)").catch(() => undefined);
    await queue.enqueue(320);
    const { leases } = await queue.claim(320);
    const waits: unknown[] = [];
    let done = false;
    const watch = async () => {
      while (!done)
        waits.push(
          ...(await db.query(
            // Adding a page to a table is a wait of Postgres' own, whoever inserts.
            `select wait_event, query from pg_stat_activity
             where datname = current_database() and wait_event_type = 'Lock' and wait_event <> 'extend'`,
          )),
        );
    };
    const watching = watch();
    await Promise.all(
      Array.from({ length: 16 }, async (_, n) => {
        for (const lease of leases.filter((__, index) => index % 16 === n)) {
          const held = await queue.begin(lease.id);
          if (held !== "lease_lost") await queue.settle(held, "completed");
          await queue.enqueue(1);
        }
      }),
    );
    done = true;
    await watching;
    expect(waits).toEqual([]);
  });
});
