import pg from "pg";
import { expect, it, onTestFinished } from "vitest";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { createTestDatabase } from "../../support/database/database.ts";
import { setup, type Setup } from "../../support/queue.ts";

const FINISHED_JOBS = 100_000;
const JOBS_A_SECOND = 100;
const JOBS_A_LEASE = 50;
const MEASURED_SECONDS = 4;

// One second's work of a queue: enqueue, claim from where the last claim stopped, begin and settle. Each is committed.
const WORK = `create procedure work(seconds int, jobs int, start timestamptz, inout marks text[]) language plpgsql as $$
declare
  at timestamptz;
  claimed record;
  lease record;
  me uuid;
begin
  for i in 1 .. seconds loop
    at := start + make_interval(secs => i);
    perform forgeq.enqueue_many((select jsonb_agg(jsonb_build_object('id', forgeq.uuid_v7(), 'type', 'plain', 'payload', '{}'::jsonb))
                                 from generate_series(1, jobs)), true, at);
    select * into claimed from forgeq.claim('plain', gen_random_uuid(), jobs, marks, '{}', 90, at);
    marks := claimed.next_watermarks;
    for lease in select l.id, l.job_ids from forgeq.lease l where l.id in (select (e ->> 'id')::uuid from jsonb_array_elements(claimed.leases) e) loop
      me := gen_random_uuid();
      perform forgeq.begin(lease.id, me, 60, null, at);
      perform forgeq.settle(lease.id, me, (select jsonb_agg(jsonb_build_object('id', id, 'outcome', 'completed')) from unnest(lease.job_ids) id), at);
    end loop;
    commit;
  end loop;
end
$$`;

interface Plan {
  readonly "QUERY PLAN": readonly { readonly Plan: { readonly [key: string]: number } }[];
}

/** Runs a call and counts the buffers that it, and every statement inside it, touched. */
const buffersOf = async (db: Db, call: string, params: readonly unknown[]): Promise<number> => {
  const [row] = await db.query<Plan>(
    `explain (analyze, buffers, timing off, format json) select * from ${call}`,
    params,
  );
  const plan = row!["QUERY PLAN"][0]!.Plan;
  return plan["Shared Hit Blocks"]! + plan["Shared Read Blocks"]!;
};

interface Buffers {
  claim: number;
  begin: number;
  settle: number;
}

const worker = (s: Setup) => {
  let marks: string[] | null = null;
  let second = 0;
  const work = async (seconds: number): Promise<void> => {
    const [row] = await s.db.query<{ marks: string[] }>("call work($1, $2, $3, $4::text[])", [
      seconds,
      JOBS_A_SECOND,
      s.at(second),
      marks,
    ]);
    marks = row!.marks;
    second += seconds;
  };
  /** The least of a few seconds' work, so that a page split or a first touch does not count. */
  const measure = async (): Promise<Buffers> => {
    const least: Buffers = { claim: Infinity, begin: Infinity, settle: Infinity };
    const keep = (name: keyof Buffers, buffers: number) => (least[name] = Math.min(least[name], buffers));
    for (let n = 0; n < MEASURED_SECONDS; n += 1) {
      await work(1);
      second += 1;
      const at = s.at(second);
      s.moveTo(second);
      await s.queue.enqueue(JOBS_A_SECOND);
      const claimId = uuidV7();
      keep(
        "claim",
        await buffersOf(s.db, "forgeq.claim('plain', $1, $2, $3::text[], at => $4)", [
          claimId,
          JOBS_A_SECOND,
          marks,
          at,
        ]),
      );
      const leases = await s.db.query<{ id: string; job_ids: string[] }>(
        "select id, job_ids from forgeq.lease where claim_id = $1",
        [claimId],
      );
      expect(leases).toHaveLength(JOBS_A_SECOND / JOBS_A_LEASE);
      for (const { id, job_ids } of leases) {
        const me = uuidV7();
        const ended = JSON.stringify(job_ids.map((job) => ({ id: job, outcome: "completed" })));
        keep("begin", await buffersOf(s.db, "forgeq.begin($1, $2, 60, null, $3)", [id, me, at]));
        keep("settle", await buffersOf(s.db, "forgeq.settle($1, $2, $3::jsonb, $4)", [id, me, ended, at]));
      }
    }
    return least;
  };
  return { work, measure };
};

it(
  "touches no more buffers while a transaction is held open and vacuum can remove nothing",
  { timeout: 300_000 },
  async () => {
    const database = await createTestDatabase({ max: 1 });
    const s = await setup({ database });
    await s.db.query("update forgeq.job_type set batch_size = $1", [JOBS_A_LEASE]);
    await s.db.query(WORK);
    const { work, measure } = worker(s);

    const holder = new pg.Client({ connectionString: database.url });
    await holder.connect();
    onTestFinished(() => holder.end());
    await holder.query("begin isolation level repeatable read");
    await holder.query("select count(*) from forgeq.job");

    await work(2);
    const start = await measure();
    for (let done = 0; done < FINISHED_JOBS / JOBS_A_SECOND; done += 100) await work(100);
    const after = await measure();

    const [dead] = await s.db.query<{ n: number }>("select count(*)::int as n from forgeq.job_history");
    expect(dead!.n).toBeGreaterThan(FINISHED_JOBS);
    for (const name of ["claim", "begin", "settle"] as const) {
      expect(after[name], `${name}: ${start[name]} buffers at the start`).toBeLessThanOrEqual(2 * start[name]);
    }
  },
);
