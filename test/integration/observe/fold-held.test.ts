import pg from "pg";
import { expect, it, onTestFinished } from "vitest";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { purge } from "../../../lib/db/protocol/maintenance.ts";
import { foldCounters } from "../../../lib/db/reads/metrics.ts";
import { createTestDatabase } from "../../support/database/database.ts";
import { buffersOf } from "../../support/database/plan-buffers.ts";
import { counters } from "../../support/observe/metrics.ts";
import { setup, type Setup } from "../../support/queue.ts";

/** By hand: FORGEQ_HELD_JOBS=300000. */
const JOBS = Number(process.env.FORGEQ_HELD_JOBS ?? 12_000);
const JOBS_A_CALL = 20;
const JOBS_A_FOLD = 4_000;
/** Of each transaction that is under way, closed leases are looked up in the index: of four that are held. */
const LOOK_UPS = 4 * 2;

/** A call stores jobs, takes them, settles them, and commits; halfway the counters are folded. Ids are those of a minute ago, so no lease is a recent one. */
const WORK = `create or replace function forgeq.uuid_v7() returns uuid language sql volatile as $$
  select (lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint - 60000), 12, '0') || '7' || substr(md5(random()::text), 1, 3) || '8'
    || substr(md5(random()::text), 1, 15))::uuid $$;
create procedure work(jobs int, a_call int) language plpgsql as $$
declare
  me uuid := gen_random_uuid();
  took record;
begin
  for n in 1 .. jobs / a_call loop
    perform forgeq.enqueue_lines(array(select forgeq.uuid_v7() from generate_series(1, a_call)),
      (select string_agg('{}', E'\\n') from generate_series(1, a_call)), '{plain}', fresh => true);
    select answer -> 'leases' -> 0 ->> 'id' as lease into took
    from forgeq.settle_and_take(me, '[]', jsonb_build_array(jsonb_build_object('queue', 'plain', 'claim_id', gen_random_uuid(),
      'watermarks', array_fill((clock_timestamp() - interval '1 second')::text, array[10]))), '{plain}', a_call)
    where answer is not null;
    perform forgeq.settle(took.lease::uuid, me, '"completed"');
    commit;
    if n = jobs / a_call / 2 then
      perform forgeq.metric_fold();
      commit;
    end if;
  end loop;
end
$$`;

const client = async (url: string): Promise<pg.Client> => {
  const connected = new pg.Client({ connectionString: url });
  await connected.connect();
  onTestFinished(() => connected.end());
  return connected;
};

/** Transactions of others that stay open: in another database, a snapshot, one that has stored a job, and one that has completed one. */
const hold = async (s: Setup): Promise<() => Promise<void>> => {
  const other = await createTestDatabase();
  const [foreign, reader, storing, settling] = await Promise.all([
    client(other.url),
    client(s.url),
    client(s.url),
    client(s.url),
  ]);
  await foreign.query("begin; select pg_current_xact_id()");
  await reader.query("begin isolation level repeatable read; select count(*) from forgeq.queue");
  await s.queue.enqueue(1);
  const held = await s.queue.lease(1);
  await storing.query("begin; select * from forgeq.enqueue('plain', '{}', delay_seconds => 3600)");
  await settling.query("begin");
  await settling.query("select * from forgeq.settle($1, $2, '\"completed\"')", [held.leaseId, held.begunBy]);
  return async () => {
    for (const each of [foreign, reader, storing, settling]) await each.query("commit");
  };
};

interface Cost {
  read: number;
  fold: number;
  purge: number;
  temporary: number;
}

/** What reads, the fold of what is unfolded, and a purge with nothing due touch: the least of some reads, so that a page that is seen first does not count. */
const costOf = async (db: Db): Promise<Cost> => {
  const reads = [];
  for (let n = 0; n < 3; n += 1) reads.push(await buffersOf(db, "select * from forgeq.metric_now"));
  const fold = await buffersOf(db, "select forgeq.metric_fold()");
  const purged = await buffersOf(db, "select * from forgeq.purge()");
  return {
    read: Math.min(...reads.map(({ buffers }) => buffers)),
    fold: fold.buffers,
    purge: purged.buffers,
    temporary: [...reads, fold, purged].reduce((sum, { temporary }) => sum + temporary, 0),
  };
};

it(
  "reads, folds and purges at the same cost while transactions of others stay open, and counts every job once",
  { timeout: 600_000 },
  async () => {
    const [alone, beside] = [await setup({ realClock: true }), await setup({ realClock: true })];
    for (const { db } of [alone, beside]) {
      await db.query("update forgeq.job_type set batch_size = 100");
      await db.query(WORK);
    }
    const release = await hold(beside);
    for (let done = 0; done < JOBS; done += JOBS_A_FOLD)
      for (const { db } of [alone, beside]) await db.query(`call work(${JOBS_A_FOLD}, ${JOBS_A_CALL})`);
    // As autovacuum does: the planner then knows how few rows there are, and not how many dead ones.
    for (const { db } of [alone, beside]) await db.query("analyze forgeq.lease, forgeq.lease_closed");
    const [without, held] = [await costOf(alone.db), await costOf(beside.db)];
    if (process.env.FORGEQ_HELD_JOBS !== undefined) console.log({ without, held });

    expect(held.temporary).toBe(0);
    expect(held.read).toBeLessThanOrEqual(without.read * 1.25 + LOOK_UPS);
    expect(held.fold).toBeLessThanOrEqual(without.fold * 1.25);
    expect(held.purge).toBeLessThanOrEqual(without.purge * 1.25);

    // Closed leases go, too, but for the one that is being closed.
    const later = new Date(Date.now() + 660_000);
    while ((await purge(beside.db, 100, later)).more);
    expect(await beside.db.query("select from forgeq.lease_closed limit 2")).toHaveLength(0);
    const purged = await buffersOf(beside.db, "select * from forgeq.purge(5000, $1)", [later]);
    expect(purged.buffers).toBeLessThanOrEqual(without.purge * 1.25);

    expect(await counters(beside.db)).toMatchObject({
      "plain/plain/enqueued": JOBS + 1,
      "plain/plain/finished_completed": JOBS,
      "plain/plain/started": JOBS + 1,
    });
    await release();
    for (let n = 0; n < 3; n += 1) {
      expect(await counters(beside.db)).toMatchObject({
        "plain/plain/enqueued": JOBS + 2,
        "plain/plain/finished_completed": JOBS + 1,
        "plain/plain/ended_completed": JOBS + 1,
        "plain/plain/started": JOBS + 1,
      });
      expect(await foldCounters(beside.db, null)).toBe(true);
    }
    await purge(beside.db, 100, later);
    expect(await beside.db.query("select from forgeq.lease_closed")).toHaveLength(0);
  },
);

it("counts the jobs of many calls without a look-up for each, and folds them so", async () => {
  const s = await setup({ realClock: true });
  await s.db.query(`do $$ begin
    for n in 1 .. 2000 loop perform forgeq.enqueue_lines(array[forgeq.uuid_v7()], '{}', '{plain}', fresh => true); end loop;
  end $$`);
  await s.db.query(
    "insert into forgeq.metric_series (queue, type) select 'other', 'type' || n from generate_series(1, 1000) n",
  );
  await s.db.query("analyze forgeq.metric_series");
  const reads = [];
  for (let n = 0; n < 3; n += 1) reads.push((await buffersOf(s.db, "select * from forgeq.metric_now")).buffers);
  expect(Math.min(...reads)).toBeLessThanOrEqual(200);
  // The active side becomes another, and then is folded.
  await foldCounters(s.db, null);
  expect((await buffersOf(s.db, "select forgeq.metric_fold()")).buffers).toBeLessThanOrEqual(1_000);
  expect(await counters(s.db)).toMatchObject({ "plain/plain/enqueued": 2_000 });
});
