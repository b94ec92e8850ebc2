import pg from "pg";
import { defineQueue } from "../../lib/core/define.ts";
import { uuidV7 } from "../../lib/core/uuid.ts";
import { createTestDatabase } from "./database/database.ts";
import { violations } from "./database/invariants.ts";
import { type Held, setup } from "./queue.ts";

const LIMIT = 300;
const SESSIONS = 6;

/** Each sample is a statement, so a snapshot, of its own. `holds`: the limit does, and what was claimed without one has ended. */
const SAMPLE = `create function sample(times int, out highest int, out miscounted int, out above int) language plpgsql as $$
declare
  s record;
begin
  highest := 0;
  miscounted := 0;
  above := 0;
  for i in 1 .. times loop
    select forgeq.in_flight('plain') as counted, t.holds,
           (select coalesce(sum(l.open_jobs), 0) from forgeq.lease l where l.queue = 'plain') as open
    into s from public.rule t;
    miscounted := miscounted + (s.counted <> s.open)::int;
    above := above + (s.holds and s.open > ${LIMIT})::int;
    if s.holds then
      highest := greatest(highest, s.open);
    end if;
  end loop;
end
$$`;

/** Under the row's lock no claim is under way, and without awaited transactions none that began without a limit. */
const HOLD_AGAIN = `with held as materialized (select from forgeq.queue where name = 'plain' for no key update)
update public.rule set holds = true
from held
where (select coalesce(sum(open_jobs), 0) from forgeq.lease) <= ${LIMIT}
  and (select awaits is null from forgeq.lease_mark where queue = 'plain' order by n desc limit 1)
returning holds`;

export interface LimitStorm {
  readonly samples: number;
  /** Jobs in flight at most, of the samples at which the limit held. */
  readonly highest: number;
  readonly above: number;
  /** Samples at which the functions' count is not the table's. */
  readonly miscounted: number;
  readonly claims: number;
  readonly switches: number;
  readonly violations: readonly string[];
}

/**
 * Six sessions claim and end jobs of a queue at random, in every way that makes leases, while somebody's snapshot is held. In the second half of the samples
 * the queue loses its limit and gets it back again and again.
 */
export const runLimitStorm = async (samples: number): Promise<LimitStorm> => {
  const database = await createTestDatabase({ max: SESSIONS + 4 });
  const s = await setup({
    database,
    realClock: true,
    queues: [defineQueue({ name: "plain", maxInFlight: LIMIT })],
  });
  const { db, queue } = s;
  await db.query("create table public.rule as select true as holds");
  await db.query(SAMPLE);
  await queue.enqueue(1_000);
  const holder = new pg.Client({ connectionString: database.url });
  await holder.connect();
  await holder.query("begin isolation level repeatable read");
  await holder.query("select count(*) from forgeq.job");

  let done = false;
  let claims = 0;
  const pick = (n: number) => Math.floor(Math.random() * n);

  const session = async (): Promise<void> => {
    const worker = uuidV7();
    const held: Held[] = [];
    const keep = (leases: readonly { readonly id: string }[]) =>
      held.push(...leases.map(({ id }) => ({ leaseId: id, begunBy: worker, jobIds: [] })));
    const end = async (): Promise<void> => {
      const [lease] = held.splice(pick(held.length), 1);
      if (lease === undefined) return;
      const [{ ids } = { ids: [] }] = await db.query<{ ids: string[] }>(
        "select job_ids as ids from forgeq.lease where id = $1",
        [lease.leaseId],
      );
      const outcome = (["completed", "completed", "retry", "released"] as const)[pick(4)]!;
      const half = ids.slice(0, Math.ceil(ids.length / 2));
      if (pick(3) === 0) await queue.settle({ ...lease, jobIds: half }, outcome, { delaySeconds: 0 });
      await queue.settle({ ...lease, jobIds: ids }, outcome, { delaySeconds: 0 });
    };
    const ways = [
      async () => {
        const { leases } = await queue.claim(1 + pick(60));
        for (const { id } of leases) {
          const begun = await queue.begin(id);
          if (begun !== "lease_lost") held.push(begun);
        }
        return leases.length;
      },
      async () => {
        const takes = JSON.stringify([{ queue: "plain", claim_id: uuidV7(), watermarks: null }]);
        const [row] = await db.query<{ answer: { leases: { id: string }[] } }>(
          "select answer from forgeq.settle_and_take($1, '[]', $2::jsonb, '{plain}', $3, 'storm') where answer is not null",
          [worker, takes, 1 + pick(60)],
        );
        keep(row!.answer.leases);
        return row!.answer.leases.length;
      },
      async () => {
        const ids = Array.from({ length: 1 + pick(10) }, uuidV7);
        const [row] = await db.query<{ answer: [unknown, [string] | null] }>(
          "select forgeq.enqueue_lines($1::uuid[], $2, '{plain}', fresh => true, start => 'local', worker => $3, worker_queue => 'plain') as answer",
          [ids, ids.map(() => "{}").join("\n"), worker],
        );
        const lease = row!.answer[1];
        if (lease !== null) keep([{ id: lease[0] }]);
        return lease === null ? 0 : 1;
      },
    ];
    while (!done) {
      const got = held.length > 25 ? 0 : await ways[pick(ways.length)]!();
      claims += got > 0 ? 1 : 0;
      for (let n = pick(got === 0 ? 8 : 3); n > 0; n -= 1) await end();
    }
    while (held.length > 0) await end();
  };

  const feed = async (): Promise<void> => {
    while (!done) {
      const [row] = await db.query<{ n: number }>(
        "select count(*)::int as n from (select from forgeq.job where claim_id is null limit 1000) x",
      );
      if (row!.n < 1_000) await queue.enqueue(200);
      else await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };

  let switches = 0;
  const setLimit = (limit: number | null) =>
    db.query("with s as (update public.rule set holds = false) update forgeq.queue set max_in_flight = $1::int", [limit]); // prettier-ignore
  const switchLimits = async (until: () => boolean): Promise<void> => {
    while (!until()) {
      await setLimit(null);
      await new Promise((resolve) => setTimeout(resolve, pick(20)));
      await setLimit(LIMIT);
      switches += 1;
      while (!until() && (await db.query(HOLD_AGAIN)).length === 0);
      await new Promise((resolve) => setTimeout(resolve, pick(200)));
    }
  };

  const total = { highest: 0, miscounted: 0, above: 0, samples: 0 };
  /** At least so many, and until `enough`. */
  const takeSamples = async (n: number, enough: () => boolean): Promise<void> => {
    for (let left = n; left > 0 || !enough(); left -= 100) {
      const [row] = await db.query<{ highest: number; miscounted: number; above: number }>("select * from sample(100)");
      total.highest = Math.max(total.highest, row!.highest);
      total.miscounted += row!.miscounted;
      total.above += row!.above;
      total.samples += 100;
    }
  };

  const sessions = [feed(), ...Array.from({ length: SESSIONS }, session)];
  try {
    await takeSamples(samples / 2, () => total.highest > LIMIT - 10);
    let sampled = false;
    const switching = switchLimits(() => sampled);
    await takeSamples(samples / 2, () => switches >= 5).finally(() => (sampled = true));
    await switching;
  } finally {
    done = true;
    await Promise.all(sessions);
    await holder.end();
  }
  return { ...total, claims, switches, violations: await violations(db) };
};
