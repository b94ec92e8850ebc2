/** Fills a database by SQL: history in the order of time over forty partitions, waiting jobs, schedules, queues. */
import pg from "pg";
import { connectDb } from "../../lib/db/drivers/connect.ts";
import { migrate } from "../../lib/db/schema/migrate.ts";
import { foldCounters } from "../../lib/db/reads/metrics.ts";
import type { LocalPostgres } from "../../lib/local/postgres.ts";
import { syncDefinitions } from "../../lib/queue/manage/sync-definitions.ts";
import { JOBS, PAYLOAD, QUEUES } from "./definitions.ts";
import type { Sizes } from "./sizes.ts";

export const DATABASE = "scale";

/** Partitions that have rows; those of the coming weeks make forty of them. */
const WEEKS = 31;
const ROWS_A_STATEMENT = 200_000;
const SESSIONS = 2;

/** The version 7 id of a row, by the milliseconds of an instant and by the row's number. */
const uuidAt = (at: string): string => `(lpad(to_hex((extract(epoch from ${at}) * 1000)::bigint), 12, '0') || '7'
  || substr(md5(g::text), 1, 3) || '9' || substr(md5(g::text), 4, 15))::uuid`;

/** By the row's number: one of a thousand, and one that has nothing to do with it. */
const CHANCES = "abs(hashint4(g)::bigint) % 1000 as r1, abs(hashint4(g + 7)::bigint) % 1000 as r2";

const of = (emails: string, crawl: string, reports: string, capped: string): string =>
  `case when r1 < 550 then ${emails} when r1 < 880 then ${crawl} when r1 < 900 then ${reports} else ${capped} end`;
const QUEUE = of("'emails'", "'crawl'", "'reports'", "'capped'");
const TYPE = of("'send_email'", "'crawl_page'", "'generate_report'", "'capped_job'");
const PAYLOADS = `case when r1 < 550 then '{"email":"user' || g % 97001 || '@example.com","subject":"${PAYLOAD.subject}","body":"${PAYLOAD.body}"}'
  when r1 < 880 then '{"url":"https://shop.example.com/p/' || g || '","depth":1}' else '{"report":"daily","format":"csv"}' end`;

// $1, $2: the rows; $3: of how many; $4, $5: the instants of the first and the last.
const HISTORY = `
insert into forgeq.job_history (id, finished_at, created_at, began_at, lease_id, state, life, priority, attempt, max_attempts, payload, queue, type,
  unique_key, result, error)
select ${uuidAt("created")}, finished, created, created + interval '1 second', gen_random_uuid(),
       (case when r2 < 970 then 'completed' when r2 < 985 then 'dead' else 'cancelled' end)::forgeq.finished_state, 1, 5,
       case when r2 between 970 and 984 then 8 else 1 end, 8, (${PAYLOADS})::json, ${QUEUE}, ${TYPE},
       case when g % 100 = 0 then 'order:' || g end, case when r2 < 970 then ('{"ok":true,"ms":' || r1 || '}')::jsonb end,
       case when r2 between 970 and 984 then '{"name":"Error","message":"connect ECONNREFUSED 10.0.1.12:25","stack":"Error: connect ECONNREFUSED\\n    at send (handler.ts:31:11)"}'::jsonb end
from (select g, finished, finished - interval '2 seconds' as created, ${CHANCES}
      from (select g, $4::timestamptz + ($5::timestamptz - $4::timestamptz) * (g / $3::float8) as finished
            from generate_series($1::int, $2::int) g) s) s`;

const ATTEMPTS = `
insert into forgeq.job_attempt (job_id, life, number, outcome, lease_id, began_at, ended_at, invocation, error, run_at)
select h.id, 1, n, case when n = 8 then 'dead' else 'retry' end, h.lease_id, h.created_at, h.finished_at - interval '1 ms' * (8 - n), 'req-1', h.error,
       h.created_at
from forgeq.job_history h
cross join generate_series(1, 8) n
where h.state = 'dead' and h.finished_at >= $1 and h.finished_at < $2`;

// One in five is due in the next thirty days, the others have been for up to six hours. $1, $2: the rows; $3: of how many.
const WAITING = `
insert into forgeq.job (id, run_at, created_at, priority, max_attempts, queue, type, payload)
select ${uuidAt("created")}, case when g % 5 = 0 then now() + interval '2 hours' + interval '30 days' * (r2 / 1000.0) else created end,
       case when g % 5 = 0 then created end, case when g % 10 = 1 then 1 else 5 end, 8, ${QUEUE}, ${TYPE}, (${PAYLOADS})::json
from (select g, now() - interval '6 hours' + interval '6 hours' * (g / $3::float8) as created, ${CHANCES}
      from generate_series($1::int, $2::int) g) s`;

const COUNTED = `
select forgeq.metric_add(queue, type, 'e', count(*)::int) from forgeq.job group by queue, type`;

const QUEUES_AND_TYPES = `
with queues as (
  insert into forgeq.queue (name, retention_days) select 'q' || lpad(g::text, 6, '0'), 365 from generate_series(1, $1::int) g returning name)
insert into forgeq.job_type (type, queue, backoff)
select 't' || substr(q.name, 2), q.name, '{"type": "fixed", "seconds": 10, "jitter": "none"}' from queues q`;

// Ten of them have a job that is due, the others one in a year.
const ONE_JOB_EACH = `
insert into forgeq.job (id, run_at, created_at, priority, max_attempts, queue, type, payload)
select forgeq.uuid_v7(), case when g <= 10 then now() else now() + interval '365 days' end, case when g > 10 then now() end, 5, 8,
       'q' || lpad(g::text, 6, '0'), 't' || lpad(g::text, 6, '0'), '{}'
from generate_series(1, $1::int) g`;

const SCHEDULES = `
insert into forgeq.schedule (name, id, cron, timezone, type, payload, decided_until, next_slot_at)
select 's' || lpad(g::text, 6, '0'), gen_random_uuid(), '* * * * *', 'UTC', 'send_email', $2::jsonb, date_trunc('milliseconds', now()),
       now() + interval '1 year'
from generate_series(1, $1::int) g`;

const connect = async (server: LocalPostgres, database: string): Promise<pg.Client> => {
  const client = new pg.Client({ connectionString: server.url(database) });
  await client.connect();
  return client;
};

/** The parts in order, each by the session that is free next. */
const inSessions = async (
  server: LocalPostgres,
  parts: readonly ((client: pg.Client) => Promise<void>)[],
): Promise<void> => {
  const left = [...parts];
  await Promise.all(
    Array.from({ length: SESSIONS }, async () => {
      const client = await connect(server, DATABASE);
      for (let part = left.shift(); part !== undefined; part = left.shift()) await part(client);
      await client.end();
    }),
  );
};

const chunks = (rows: number): (readonly [from: number, to: number])[] =>
  Array.from({ length: Math.ceil(rows / ROWS_A_STATEMENT) }, (_, n) => [
    n * ROWS_A_STATEMENT + 1,
    Math.min(rows, (n + 1) * ROWS_A_STATEMENT),
  ]);

/** A session fills a week by itself, so that its rows lie in the order of time. */
const weeksOf = async (client: pg.Client, finished: number): Promise<((client: pg.Client) => Promise<void>)[]> => {
  const { rows } = await client.query<{ from: Date; to: Date }>(
    `select w as from, least(w + interval '7 days', now() - interval '1 hour') as to
     from generate_series(date_trunc('week', now() at time zone 'UTC') at time zone 'UTC' - make_interval(weeks => $1::int - 1), now(), interval '7 days') w
     where w < now() - interval '1 hour'`,
    [WEEKS],
  );
  const [start, end] = [rows[0]?.from.getTime() ?? 0, rows.at(-1)?.to.getTime() ?? 0];
  const rowAt = (at: Date) => Math.round((finished * (at.getTime() - start)) / (end - start));
  return rows.map(({ from, to }) => async (session) => {
    const [low, high] = [rowAt(from), rowAt(to)];
    for (const [first, last] of chunks(high - low))
      await session.query(HISTORY, [low + first, low + last, finished, new Date(start), new Date(end)]);
    await session.query(ATTEMPTS, [from, to]);
  });
};

/** Fills an empty server. What is counted and planned by statistics is as it is after a tick and a vacuum. */
export const fill = async (server: LocalPostgres, sizes: Sizes, say: (text: string) => void): Promise<void> => {
  const { finished, waiting, schedules, queues } = sizes;
  const admin = await connect(server, "postgres");
  await admin.query(`create database ${DATABASE}`);
  await admin.query("create extension pg_stat_statements");
  await admin.end();
  const db = await connectDb({ url: server.url(DATABASE), max: 1, statementSeconds: 3_600 });
  const client = await connect(server, DATABASE);
  try {
    await migrate(db);
    await syncDefinitions(db, JOBS, QUEUES);
    for (let week = WEEKS - 2; week > 0; week -= 1)
      await client.query("select forgeq.ensure_partitions(0, now() - make_interval(weeks => $1::int))", [week]);
    await inSessions(server, finished === 0 ? [] : await weeksOf(client, finished));
    say(`${finished} finished jobs`);
    await inSessions(
      server,
      chunks(waiting).map(([first, last]) => async (session) => {
        await session.query(WAITING, [first, last, waiting]);
      }),
    );
    await client.query(QUEUES_AND_TYPES, [queues]);
    await client.query(ONE_JOB_EACH, [queues]);
    await client.query(SCHEDULES, [schedules, JSON.stringify(PAYLOAD)]);
    await client.query(COUNTED);
    say(`${waiting} waiting jobs, ${queues} queues, ${schedules} schedules`);
    await client.query("vacuum (analyze)");
    // Twice: the first one leaves what writers may still use.
    await foldCounters(db, null);
    await foldCounters(db, null);
    await client.query("vacuum (analyze)");
    await client.query("checkpoint");
  } finally {
    await client.end();
    await db.close();
  }
};
