import pg from "pg";
import { onTestFinished } from "vitest";
import { defineQueue } from "../../../lib/core/define.ts";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import { setup } from "../queue.ts";
import { buffersOf } from "./buffers.ts";
import { createTestDatabase } from "./database.ts";

/** A worker's rounds in a backlog, each committed: ten jobs are stored, the oldest of nine open leases of ten is settled, and ten are taken. */
const ROUNDS = `create procedure rounds(times int, start timestamptz, worker uuid, settles boolean, inout marks jsonb, inout held uuid[])
language plpgsql as $$
declare
  at timestamptz;
  answer jsonb;
begin
  for i in 1 .. times loop
    at := start + make_interval(secs => i / 1000.0);
    perform forgeq.enqueue_many((select jsonb_agg(jsonb_build_object('id', forgeq.uuid_v7(), 'type', 'plain', 'payload', '{}'::jsonb))
                                 from generate_series(1, 10)), true, at);
    select t.answer into answer
    from forgeq.settle_and_take(worker, case when settles then jsonb_build_array(jsonb_build_object('lease_id', held[1], 'ended', 'completed')) else '[]' end,
      jsonb_build_array(jsonb_build_object('queue', 'plain', 'claim_id', gen_random_uuid(), 'watermarks', marks)), '{plain}', 10, 'test', null, at) t
    where t.answer is not null;
    held := held[case when settles then 2 else 1 end:] || (answer -> 'leases' -> 0 ->> 'id')::uuid;
    marks := answer -> 'queues' -> 0 -> 'continued';
    commit;
  end loop;
end
$$`;

/** A queue of one hundred jobs in flight at most (null: of any number), nine leases of ten open, and the calls that a worker sends there. */
export const heldBacklog = async (maxInFlight: number | null) => {
  const database = await createTestDatabase({ max: 2 });
  const s = await setup({ database, queues: [defineQueue({ name: "plain", maxInFlight })] });
  await s.db.query(ROUNDS);
  const worker = uuidV7();
  let state: { readonly marks: unknown; readonly held: readonly string[] } = { marks: null, held: [] };
  let second = 0;
  const rounds = async (n: number, settles = true): Promise<void> => {
    for (let left = n; left > 0; left -= 500) {
      const [row] = await s.db.query<typeof state>("call rounds($1, $2, $3, $4, $5::jsonb, $6::uuid[])", [
        Math.min(left, 500),
        s.at(second),
        worker,
        settles,
        JSON.stringify(state.marks),
        state.held,
      ]);
      state = row!;
      second += 1;
    }
  };
  await rounds(9, false);
  // One of them is held open throughout.
  const [heldOpen, ...others] = state.held;
  state = { ...state, held: others };

  /** The median of some rounds' takes. */
  const takes = async (): Promise<number> => {
    const counts: number[] = [];
    for (let n = 0; n < 9; n += 1) {
      s.moveTo(second);
      await s.queue.enqueue(10);
      const claimId = uuidV7();
      const [oldest, ...left] = state.held;
      counts.push(
        await buffersOf(
          s.db,
          "select * from forgeq.settle_and_take($1, $2::jsonb, $3::jsonb, '{plain}', 10, 'test', null, $4)",
          [
            worker,
            JSON.stringify([{ lease_id: oldest, ended: "completed" }]),
            JSON.stringify([{ queue: "plain", claim_id: claimId, watermarks: state.marks }]),
            s.at(second),
          ],
        ),
      );
      const [lease] = await s.db.query<{ id: string }>("select id from forgeq.lease where claim_id = $1", [claimId]);
      state = { ...state, held: [...left, lease!.id] };
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
  return { ...s, rounds, takes, hold, counted, heldOpen: heldOpen! };
};
