import { expect, it } from "vitest";
import { defineQueue } from "../../../lib/core/define.ts";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import type { Sql } from "../../../lib/db/drivers/client.ts";
import { setup, type Setup } from "../../support/queue.ts";

const limited = (maxInFlight: number | null) => setup({ queues: [defineQueue({ name: "plain", maxInFlight })] });

const setLimit = (s: Setup, limit: number | null) =>
  s.db.query("update forgeq.queue set max_in_flight = $1::int where name = 'plain'", [limit]);

const jobsOf = ({ leases }: { readonly leases: readonly { readonly jobs: number }[] }): number =>
  leases.reduce((sum, { jobs }) => sum + jobs, 0);

const CLAIM =
  "select (e ->> 'jobs')::int as jobs from forgeq.claim('plain', $1, 10, at => $2), jsonb_array_elements(leases) e";

const claimIn = async (tx: Pick<Sql, "query">, at: Date): Promise<number> =>
  (await tx.query<{ jobs: number }>(CLAIM, [uuidV7(), at])).reduce((sum, { jobs }) => sum + jobs, 0);

/** Leases without a seq, and whether the newest mark says that there may be some. */
const unnumbered = async (s: Setup) => {
  const [row] = await s.db.query<{ leases: number; awaited: boolean | null }>(
    `select (select count(*)::int from forgeq.lease where seq is null) as leases,
            (select awaits is not null from forgeq.lease_mark where queue = 'plain' order by n desc limit 1) as awaited`,
  );
  return row!;
};

it("counts the leases of a queue that had no limit, until the last of them is gone", async () => {
  const s = await limited(null);
  await s.queue.enqueue(40);
  const first = await s.queue.lease(3);
  const second = await s.queue.lease(3);
  await setLimit(s, 8);
  expect(jobsOf(await s.queue.claim(10))).toBe(2);
  expect(await unnumbered(s)).toEqual({ leases: 2, awaited: true });
  await s.queue.settle(first, "completed");
  expect(jobsOf(await s.queue.claim(10))).toBe(3);
  expect(await unnumbered(s)).toEqual({ leases: 1, awaited: true });
  await s.queue.settle(second, "completed");
  expect(jobsOf(await s.queue.claim(1))).toBe(1);
  expect(await unnumbered(s)).toEqual({ leases: 0, awaited: false });
  expect(jobsOf(await s.queue.claim(10))).toBe(2);
  expect(jobsOf(await s.queue.claim(10))).toBe(0);
});

it("counts what a transaction claims that began before the queue had a limit, whenever it commits", async () => {
  const s = await limited(null);
  await s.queue.enqueue(40);
  let commit!: () => void;
  let claimed!: () => void;
  const mayCommit = new Promise<void>((resolve) => (commit = resolve));
  const hasClaimed = new Promise<void>((resolve) => (claimed = resolve));
  const other = s.db.transaction(async (tx) => {
    expect(await claimIn(tx, s.at(0))).toBe(10);
    claimed();
    await mayCommit;
  });
  await hasClaimed;
  await setLimit(s, 15);
  const held = await s.queue.lease(4);
  await s.queue.settle(held, "completed");
  expect(jobsOf(await s.queue.claim(4))).toBe(4);
  expect(await unnumbered(s)).toEqual({ leases: 0, awaited: true });
  commit();
  await other;
  expect(jobsOf(await s.queue.claim(10))).toBe(1);
  expect(jobsOf(await s.queue.claim(10))).toBe(0);
});

it("counts by its marks again after a queue has lost its limit and got another one", async () => {
  const s = await limited(10);
  await s.queue.enqueue(40);
  expect(jobsOf(await s.queue.claim(4))).toBe(4);
  await setLimit(s, null);
  expect(jobsOf(await s.queue.claim(3))).toBe(3);
  await setLimit(s, 9);
  expect(jobsOf(await s.queue.claim(10))).toBe(2);
  expect(jobsOf(await s.queue.claim(10))).toBe(0);
});

it("lets nobody wait for a queue that lost its limit", async () => {
  const s = await limited(1);
  await s.queue.enqueue(3);
  const held = await s.queue.lease(2);
  expect((await s.queue.claim()).outcome).toBe("full");
  await setLimit(s, null);
  expect(await s.db.query("select waiting from forgeq.queue")).toEqual([{ waiting: false }]);
  expect(await s.queue.settle(held, "completed")).toMatchObject({ wakeSeconds: null });
});

it("begins a lease of a limited queue in place: no index entry", async () => {
  const s = await limited(10);
  await s.queue.enqueue(3);
  const [lease] = (await s.queue.claim()).leases;
  await s.db.transaction(async (tx) => {
    await tx.query("select from forgeq.begin($1, $2, 60, 'test', $3)", [lease!.id, uuidV7(), s.at(0)]);
    const [updated] = await tx.query(
      "select pg_stat_get_xact_tuples_hot_updated('forgeq.lease'::regclass)::int as hot, pg_stat_get_xact_tuples_updated('forgeq.lease'::regclass)::int as all",
    );
    expect(updated).toEqual({ hot: 1, all: 1 });
  });
});

it("numbers no lease of an unlimited queue: a take of ten writes at most 2,006 bytes of WAL there, and 142 more in a limited one", async () => {
  const bytes = async (maxInFlight: number | null): Promise<number> => {
    const s = await limited(maxInFlight);
    const runs: number[] = [];
    for (let n = 0; n < 20; n += 1) {
      await s.queue.enqueue(10);
      const [row] = await s.db.query<{ "QUERY PLAN": [{ Plan: { "WAL Bytes": number } }] }>(
        `explain (analyze, wal, format json) select * from forgeq.settle_and_take($1, '[]',
          jsonb_build_array(jsonb_build_object('queue', 'plain', 'claim_id', $2::uuid, 'watermarks', null)), '{plain}', 10, 'test', null, $3)`,
        [uuidV7(), uuidV7(), s.at(0)],
      );
      runs.push(row!["QUERY PLAN"][0].Plan["WAL Bytes"]);
      const [lease] = await s.db.query<{ id: string; begun_by: string; seq: string | null }>(
        "select id, begun_by, seq from forgeq.lease",
      );
      expect(lease!.seq === null).toBe(maxInFlight === null);
      await s.db.query("select from forgeq.settle($1, $2, '\"completed\"')", [lease!.id, lease!.begun_by]);
    }
    return runs.toSorted((a, b) => a - b)[10]!;
  };
  const unlimited = await bytes(null);
  expect(unlimited).toBeLessThanOrEqual(2_006);
  expect((await bytes(100)) - unlimited).toBeLessThanOrEqual(142);
});

it("counts every lease of a queue that loses its limit while claims are under way that have read it", async () => {
  const s = await limited(10);
  await s.queue.enqueue(40);
  // A claim looks for due jobs after it has read the limit, and before it locks the queue's row: there each waits for its gate.
  await s.db
    .query(`create or replace function forgeq.has_due(queue text, lows timestamptz[], now_at timestamptz) returns boolean language plpgsql as $$
    begin
      perform pg_advisory_xact_lock_shared(current_setting('test.gate')::bigint);
      return true;
    end $$`);
  const gates = await Promise.all(
    [1, 2].map(async (gate) => {
      const opened = Promise.withResolvers<void>();
      const closed = Promise.withResolvers<void>();
      const open = s.db.transaction(async (tx) => {
        await tx.query("select pg_advisory_xact_lock($1)", [gate]);
        closed.resolve();
        await opened.promise;
      });
      await closed.promise;
      const claim = s.db.transaction(async (tx) => {
        await tx.query("select set_config('test.gate', $1, true)", [String(gate)]);
        return claimIn(tx, s.at(0));
      });
      return { pass: async () => (opened.resolve(), await open, await claim) };
    }),
  );
  const waits = `select from pg_locks
    where locktype = 'advisory' and not granted and database = (select oid from pg_database where datname = current_database())`;
  while ((await s.db.query(waits)).length < gates.length);
  await setLimit(s, null);
  for (const { pass } of gates) expect(await pass()).toBe(10);
  expect(jobsOf(await s.queue.claim(5))).toBe(5);
  const [counted] = await s.db.query<{ jobs: number }>("select forgeq.in_flight('plain') as jobs");
  expect(counted!.jobs).toBe(25);
});
