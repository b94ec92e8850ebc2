import type { Db } from "../../../lib/db/drivers/client.ts";

// As forgeq.uuid_v7 makes it, at the instant t.
const ID = `encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
  placing substring(int8send((extract(epoch from t) * 1000)::bigint) from 3) from 1 for 6), 52, 1), 53, 1), 'hex')::uuid`;

const HISTORY = `
insert into forgeq.job_history (id, finished_at, created_at, began_at, lease_id, state, life, priority, attempt, max_attempts, payload, queue, type, result)
select ${ID}, t + interval '1 second' * (g % 20), t, t, gen_random_uuid(),
       (case when g % 200 in (7, 99, 151) then 'dead' when g % 200 in (8, 100, 152) then 'cancelled' else 'completed' end)::forgeq.finished_state,
       1, 5, 1, 8, json_build_object('email', 'user' || g || '@example.com', 'subject', 'Your order has shipped'),
       case when g % 100 < 60 then 'emails' when g % 100 < 98 then 'crawl' else 'reports' end,
       case when g % 100 < 60 then 'send_email' when g % 100 < 98 then 'crawl_page' else 'generate_report' end, '{"ok": true}'
from (select g, now() - interval '1 hour' - interval '1 day' * $2::int * (1 - g / $1::float8) as t from generate_series(1, $1::int) g) s`;

const WAITING = `
insert into forgeq.job (id, run_at, created_at, priority, max_attempts, queue, type, payload)
select ${ID}, case when $2::boolean then now() + interval '2 hours' + interval '1 day' * random() else t end, case when $2 then t end,
       case when g % 10 = 0 then 1 else 5 end, 8, case when g % 50 < 30 then 'emails' when g % 50 < 49 then 'crawl' else 'reports' end,
       case when g % 50 < 30 then 'send_email' when g % 50 < 49 then 'crawl_page' else 'generate_report' end, json_build_object('n', g)
from (select g, now() - interval '6 hours' + interval '5 hours' * (g / $1::float8) as t from generate_series(1, $1::int) g) s`;

const COUNTED = `
select forgeq.metric_add(queue, type, 'e', count(*)::int) from forgeq.job group by queue, type`;

/** Vacuum takes no page for visible to all of which the commit is not on disk. */
const FLUSH = "checkpoint";

const NAMES = `
insert into forgeq.queue (name) values ('emails'), ('crawl'), ('reports'), ('quiet') on conflict do nothing;
insert into forgeq.job_type (type, queue, backoff)
values ('send_email', 'emails', '{}'), ('crawl_page', 'crawl', '{}'), ('generate_report', 'reports', '{}'), ('quiet', 'quiet', '{}') on conflict do nothing`;

/** Where vacuum is not to come by, neither does the one of the server. */
const UNVACUUMED = `
do $$ declare part regclass; begin
  for part in select c.oid from pg_class c where c.relnamespace = 'forgeq'::regnamespace and c.relkind = 'r' and (c.relname = 'job' or c.relname like 'job\\_%') loop
    execute format('alter table %s set (autovacuum_enabled = false)', part);
  end loop;
end $$`;

/** Vacuum has come by, and each page is visible to all; or it never has. */
export type Vacuum = "vacuumed" | "unvacuumed";

/** Finished jobs of the last `days` days in the queues emails, crawl and reports, not in quiet: three in 200 are dead, three cancelled. */
export const fillHistory = async (db: Db, rows: number, days: number, vacuum: Vacuum = "vacuumed"): Promise<void> => {
  await db.query(NAMES);
  const weeks = Math.ceil(days / 7);
  for (let week = weeks; week > 0; week -= 1)
    await db.query("select forgeq.ensure_partitions(1, now() - make_interval(days => 7 * $1::int))", [week]);
  if (vacuum === "unvacuumed") await db.query(UNVACUUMED);
  await db.query(HISTORY, [rows, days]);
  if (vacuum === "unvacuumed") return void (await db.query("analyze forgeq.job_history"));
  await db.query(FLUSH);
  return void (await db.query("vacuum (analyze) forgeq.job_history"));
};

/** Jobs of the same queues that wait: due since hours, or in hours. */
export const fillWaiting = async (
  db: Db,
  rows: number,
  scheduled = false,
  vacuum: Vacuum = "vacuumed",
): Promise<void> => {
  await db.query(NAMES);
  if (vacuum === "unvacuumed") await db.query(UNVACUUMED);
  await db.query(WAITING, [rows, scheduled]);
  await db.query(COUNTED);
  if (vacuum === "unvacuumed") return void (await db.query("analyze forgeq.job"));
  await db.query(FLUSH);
  return void (await db.query("vacuum (analyze) forgeq.job"));
};
