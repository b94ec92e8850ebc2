import pg from "pg";
import { onTestFinished } from "vitest";
import { defineQueue } from "../../../lib/core/define.ts";
import { setup } from "../queue.ts";
import { buffersOf } from "./buffers.ts";
import { createTestDatabase } from "./database.ts";

/** A worker's rounds in a backlog, each committed: ten jobs are stored, the oldest of nine open leases of ten is settled, and ten are taken. */
const ROUNDS = `create procedure rounds(times int, start timestamptz, settle_oldest boolean) language plpgsql as $$
declare
  at timestamptz;
  last jsonb;
  oldest jsonb;
begin
  for i in 1 .. times loop
    at := start + make_interval(secs => i / 1000.0);
    perform forgeq.enqueue_many((select jsonb_agg(jsonb_build_object('id', forgeq.uuid_v7(), 'type', 'plain', 'payload', '{}'::jsonb))
                                 from generate_series(1, 10)), true, at);
    select t.marks into last from turn t;
    oldest := case when settle_oldest then (
      select jsonb_build_array(jsonb_build_object('lease_id', h.id, 'ended', '"completed"'::jsonb)) from held h order by h.n limit 1) end;
    delete from held h where settle_oldest and h.n = (select min(o.n) from held o);
    with answer as (
      select t.answer from forgeq.settle_and_take((select worker from turn), coalesce(oldest, '[]'),
        jsonb_build_array(jsonb_build_object('queue', 'plain', 'claim_id', gen_random_uuid(), 'watermarks', last)), '{plain}', 10, 'test', null, at) t
      where t.answer is not null),
    kept as (
      insert into held (id) select (l ->> 'id')::uuid from answer a, json_array_elements(a.answer -> 'leases') l)
    update turn set marks = coalesce((select a.answer -> 'queues' -> 0 -> 'continued' from answer a)::jsonb, marks);
    commit;
  end loop;
end
$$`;

/** A queue of one hundred jobs in flight at most (null: of any number), nine leases of ten open, and the calls that a worker sends there. */
export const heldBacklog = async (maxInFlight: number | null) => {
  const database = await createTestDatabase({ max: 2 });
  const s = await setup({ database, queues: [defineQueue({ name: "plain", maxInFlight })] });
  await s.db.query("create table held (n bigint generated always as identity primary key, id uuid)");
  await s.db.query("create table turn as select gen_random_uuid() as worker, null::jsonb as marks");
  await s.db.query(ROUNDS);
  let second = 0;
  const rounds = async (n: number, settleOldest = true): Promise<void> => {
    for (let left = n; left > 0; left -= 500) {
      await s.db.query("call rounds($1, $2, $3)", [Math.min(left, 500), s.at(second), settleOldest]);
      second += 1;
    }
  };
  await rounds(9, false);
  // One of them is held open throughout.
  await s.db.query("delete from held where n = (select min(n) from held)");

  /** The median of some rounds' takes. */
  const takes = async (): Promise<number> => {
    const counts: number[] = [];
    for (let n = 0; n < 9; n += 1) {
      s.moveTo(second);
      await s.queue.enqueue(10);
      const [turn] = await s.db.query<{ worker: string; marks: unknown }>("select worker, marks from turn");
      const [oldest] = await s.db.query<{ n: string; id: string }>("select n, id from held order by n limit 1");
      const settles = JSON.stringify([{ lease_id: oldest!.id, ended: "completed" }]);
      const takes = JSON.stringify([{ queue: "plain", claim_id: crypto.randomUUID(), watermarks: turn!.marks }]);
      await s.db.query("delete from held where n = $1", [oldest!.n]);
      counts.push(
        await buffersOf(s.db, "forgeq.settle_and_take($1, $2::jsonb, $3::jsonb, '{plain}', 10, 'test', null, $4)", [
          turn!.worker,
          settles,
          takes,
          s.at(second),
        ]),
      );
      await s.db.query(
        "insert into held (id) select id from forgeq.lease where id not in (select id from held) order by id offset 1",
      );
      await rounds(1);
    }
    return counts.toSorted((a, b) => a - b)[4]!;
  };

  /** Somebody's snapshot, held until the test ends: vacuum can remove nothing. */
  const hold = async (): Promise<void> => {
    const holder = new pg.Client({ connectionString: database.url });
    await holder.connect();
    onTestFinished(() => holder.end());
    await holder.query("begin isolation level repeatable read");
    await holder.query("select count(*) from forgeq.job");
  };

  /** Jobs in flight: as the functions count them, and as the table says. */
  const counted = async (): Promise<[number, number]> => {
    const [row] = await s.db.query<{ counted: number; table: number }>(
      `select forgeq.in_flight('plain') as counted,
              (select coalesce(sum(open_jobs), 0)::int from forgeq.lease where queue = 'plain') as table`,
    );
    return [row!.counted, row!.table];
  };
  return { ...s, rounds, takes, hold, counted };
};
