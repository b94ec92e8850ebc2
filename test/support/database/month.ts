/**
 * Five weeks of a service, by SQL, the same each time: finished jobs, of which 1.5 % are dead, with their attempts; 200 of a type of its own; 500,000 jobs that
 * are scheduled and 45,000 that are due; ten open leases; 113 queues, schedules, and what happened in each hour.
 */
import { jobs } from "../../../functions/registry.ts";
import { queues } from "../../../functions/queues.ts";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { syncDefinitions } from "../../../lib/queue/manage/sync-definitions.ts";

export const SCHEDULED = 500_000;
/** Each twelfth of them is due. */
const LIVE = SCHEDULED + 45_454;
const DAYS = 35;
const CHUNK = 100_000;

/** 200 jobs of it are finished. */
export const RARE_TYPE = "refund_order";

// Numbers that have nothing to do with each other, of a row's number g, and its version 7 id.
const DICE = `md5(g::text) as h, (extract(epoch from made) * 1000)::bigint as ms, abs(hashint4(g::int)::bigint) % 1000 as r1, abs(hashint4(g::int + 7)::bigint) % 1000 as r2`;
const ID = `(lpad(to_hex(ms), 12, '0') || '7' || substr(h, 1, 3) || '9' || substr(h, 4, 15))::uuid`;

const of = (emails: string, crawl: string, reports: string): string =>
  `case when r1 < 600 then ${emails} when r1 < 982 then ${crawl} else ${reports} end`;

// $1, $2: the rows, $3: of how many, in $4 days until an hour before $5.
const HISTORY = `
insert into forgeq.job_history (id, finished_at, created_at, began_at, lease_id, state, life, priority, attempt, max_attempts, payload, queue, type, unique_key,
  metadata, result, error)
select ${ID}, made + interval '1 second' * (2 + g % 20), made, made, h::uuid,
       (case when r2 < 15 then 'dead' when r2 < 30 then 'cancelled' else 'completed' end)::forgeq.finished_state, 1, 5, case when r2 < 15 then 8 else 1 end, 8,
       json_build_object('email', 'user' || g || '@example.com', 'subject', 'Your order has shipped'),
       case when rare then 'billing' else ${of("'emails'", "'crawl'", "'reports'")} end,
       case when rare then '${RARE_TYPE}' else ${of("'send_email'", "'crawl_page'", "'generate_report'")} end,
       case when g % 100 = 0 then 'order:' || g end, case when g % 50 = 0 then jsonb_build_object('tenant', 't' || g % 1000) end,
       case when r2 >= 30 then '{"ok": true}'::jsonb end,
       case when r2 < 15 then jsonb_build_object(
         'name', 'Error', 'stack', E'Error: it failed\\n    at send (handler.ts:' || r1 % 4 || ':11)',
         'message', case r1 % 4 when 0 then 'connect ECONNREFUSED 10.0.1.12:' || g % 1000 when 1 then 'no answer after ' || g || ' ms'
                                when 2 then 'user ' || g || ' is unknown' else 'HTTP 503' end) end
from (select g, made, ${DICE}, g % ($3::bigint / 200) = $3::bigint / 400 as rare
      from (select g, $5::timestamptz - interval '1 hour' - interval '1 day' * $4::int * (1 - g / $3::float8) as made from generate_series($1::bigint, $2::bigint) g) s
      offset 0) s`;

const ATTEMPTS = `
insert into forgeq.job_attempt (job_id, life, number, outcome, lease_id, run_at, began_at, ended_at, invocation, error, queue, type)
select h.id, 1, n, case when n = 8 then 'dead' else 'retry' end, h.lease_id, h.created_at, h.created_at, h.finished_at - interval '1 ms' * (8 - n), 'req-' || n,
       h.error, h.queue, h.type
from forgeq.job_history h
cross join generate_series(1, 8) n
where h.state = 'dead'
order by h.finished_at, n`;

// What is due has other shares of the queues: in emails more than 10,000 jobs are scheduled and due, in crawl only scheduled, in reports only due.
const DUE = `case when r1 < 530 then 'emails' when r1 < 730 then 'crawl' else 'reports' end`;
const LIVES = `
insert into forgeq.job (id, run_at, created_at, priority, max_attempts, queue, type, payload)
select ${ID}, case when due then made else $4 + interval '2 hours' + interval '30 days' * ((r2 + r1 / 1000.0) / 1000) end, case when not due then made end,
       case when g % 10 = 0 then 1 else 5 end, 8, queue,
       case queue when 'emails' then 'send_email' when 'crawl' then 'crawl_page' else 'generate_report' end, json_build_object('n', g)
from (select s.*, case when due then ${DUE} else ${of("'emails'", "'crawl'", "'reports'")} end as queue
      from (select g, made, g % 12 = 0 as due, ${DICE}
            from (select g, $4::timestamptz - interval '6 hours' + interval '5 hours' * (g / $3::float8) as made from generate_series($1::bigint, $2::bigint) g) s
            offset 0) s) s`;

const NAMES = `
insert into forgeq.queue (name, max_in_flight) select unnest('{emails,crawl,reports,billing,quiet}'::text[]), null;
insert into forgeq.queue (name) select 'q' || n from generate_series(1, 108) n;
insert into forgeq.job_type (type, queue, backoff)
values ('send_email', 'emails', '{}'), ('crawl_page', 'crawl', '{}'), ('generate_report', 'reports', '{}'), ('${RARE_TYPE}', 'billing', '{}'), ('quiet', 'quiet', '{}');
insert into forgeq.job_type (type, queue, backoff) select name, name, '{}' from forgeq.queue where name ~ '^q[0-9]';
insert into forgeq.job (id, run_at, priority, max_attempts, queue, type, payload)
select forgeq.uuid_v7(), now() - interval '1 minute' * n, 5, 8, 'q' || n, 'q' || n, '{}' from generate_series(1, 108) n;
insert into forgeq.schedule (name, id, cron, timezone, type, payload, decided_until, next_slot_at)
select 's' || n, gen_random_uuid(), '0 9 * * *', 'UTC', 'send_email', '{"email": "a@example.com"}', date_trunc('milliseconds', now()), now() + interval '1 day'
from generate_series(1, 120) n`;

// Ten leases of ten jobs, which begin.
const LEASED = `
with claimed as (
  select (l ->> 'id')::uuid as id
  from forgeq.claim('emails', gen_random_uuid(), 100, dispatch_seconds => 900) c cross join lateral jsonb_array_elements(c.leases) l)
select count(*) from claimed c cross join lateral (select from forgeq.begin(c.id, gen_random_uuid(), 900)) b`;

// The series of all together, and those of the five types that had jobs.
const HAPPENED = `
insert into forgeq.metric_period (series, step, at, counts)
select s.id, p.step, date_bin(make_interval(secs => p.step), now(), 'epoch') - make_interval(secs => p.step * n), array_fill(7::bigint, array[39])
from (select 0 as id union all select id from forgeq.metric_series where queue in ('emails', 'crawl', 'reports', 'billing')) s
cross join (values (60, 75), (900, 104), (3600, 768)) as p(step, kept)
cross join lateral generate_series(1, p.kept) n
on conflict do nothing`;

/** What is said once, without plans of statements that fill. */
const QUIET = "set auto_explain.log_min_duration = -1";

const chunks = (rows: number): (readonly [from: number, to: number])[] =>
  Array.from({ length: Math.ceil(rows / CHUNK) }, (_, n) => [n * CHUNK + 1, Math.min(rows, (n + 1) * CHUNK)]);

/** In as many sessions as the database has connections, each the next part. */
const inSessions = async (db: Db, parts: readonly (readonly [text: string, params: readonly unknown[]])[]) => {
  const left = [...parts];
  const work = async () => {
    for (let part = left.shift(); part !== undefined; part = left.shift()) {
      const [text, params] = part;
      await db.transaction(async (tx) => {
        await tx.query(QUIET.replace("set", "set local"));
        await tx.query(text, params);
      });
    }
  };
  await Promise.all([work(), work()]);
};

/** What lives, into an empty database. */
export const fillLive = async (db: Db): Promise<void> => {
  const at = new Date();
  await db.query(NAMES);
  await inSessions(
    db,
    chunks(LIVE).map(([from, to]) => [LIVES, [from, to, LIVE, at]]),
  );
  await db.query("select forgeq.metric_add(queue, type, 'e', count(*)::int) from forgeq.job group by queue, type");
  await db.query("analyze forgeq.job");
  await db.query(LEASED);
  await syncDefinitions(db, jobs, queues);
};

/** What has ended, beside it. */
export const fillFinished = async (db: Db, rows: number): Promise<void> => {
  const at = new Date();
  for (let week = DAYS / 7; week > 0; week -= 1)
    await db.query("select forgeq.ensure_partitions(1, now() - make_interval(days => 7 * $1::int))", [week]);
  await inSessions(
    db,
    chunks(rows).map(([from, to]) => [HISTORY, [from, to, rows, DAYS, at]]),
  );
  await inSessions(db, [[ATTEMPTS, []]]);
  await db.query(HAPPENED);
  for (const minutes of [10, 0])
    await db.query("select forgeq.metric_fold(now() - make_interval(mins => $1::int))", [minutes]);
  await db.query("analyze");
};
