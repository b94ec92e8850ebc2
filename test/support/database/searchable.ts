/** Jobs that searches differ in: finished and live, with errors, keys, metadata, wide payloads and earlier lives. From a seed. */
import type { Db } from "../../../lib/db/drivers/client.ts";

/** An id as forgeq.uuid_v7 makes it, at the instant t, whose random part follows from the row's number. */
const ID = `(lpad(to_hex((extract(epoch from t) * 1000)::bigint), 12, '0') || '7' || substr(md5($1::text || 'a' || g), 1, 3) || '8'
  || substr(md5($1::text || 'b' || g), 1, 15))::uuid`;

const OF = `
  'type_' || (array[0, 0, 0, 0, 1, 1, 2])[g % 7 + 1] as type,
  'queue_' || (array[0, 0, 0, 1, 1, 2])[g % 6 + 1] as queue,
  json_build_object('n', g % 50, 'customer', json_build_object('id', 'c' || g % 20), 'ok', g % 2 = 0, 'list', json_build_array(g % 3, 'x'),
    'filler', repeat('f', case when g % 400 = 0 then 30000 else g % 700 end)) as payload,
  case when g % 3 = 0 then jsonb_build_object('tenant', 't' || g % 9, 'deep', jsonb_build_object('a', g % 4)) end as metadata,
  case when g % 11 = 0 then 'key-' || g % 40 end as unique_key,
  jsonb_build_object('name', (array['Error', 'TypeError'])[g % 2 + 1], 'message', 'failed to reach host-' || g % 5 || ' for order ' || g,
    'stack', E'Error: failed\\n    at send (file:///var/task/mailer.ts:' || g % 90 || ':7)') as error`;

const FINISHED = `
insert into forgeq.job_history (id, finished_at, created_at, state, life, priority, attempt, max_attempts, payload, queue, type, metadata, unique_key, error, revived)
select ${ID}, t + interval '1 second' * (g % 300), t,
       (case when g % 10 = 3 then 'dead' when g % 10 = 4 then 'cancelled' else 'completed' end)::forgeq.finished_state,
       1, 5, 1, 8, payload, queue, type, metadata, unique_key, case when g % 10 = 3 then error end, case when g % 97 = 3 then true end
from (select g, now() - interval '2 hours' - interval '40 days' * (1 - g / $2::float8) as t, ${OF} from generate_series(1, $2::int) g) s`;

// Of those that were revived one in two has ended again, the others wait.
const REVIVED = `
insert into forgeq.job_history (id, finished_at, created_at, state, life, priority, attempt, max_attempts, payload, queue, type, metadata, unique_key, error)
select id, now() - interval '1 hour', created_at, 'completed', 2, 5, 1, 8, payload, queue, type, metadata, unique_key, null
from forgeq.job_history where revived and hashtext(id::text) % 2 = 0`;

const WAITING_AGAIN = `
insert into forgeq.job (id, run_at, created_at, life, priority, max_attempts, payload, queue, type, metadata)
select id, now() - interval '5 minutes', created_at, 2, 5, 8, payload, queue, type, metadata
from forgeq.job_history where revived and hashtext(id::text) % 2 <> 0`;

const LIVE = `
insert into forgeq.job (id, run_at, created_at, priority, max_attempts, attempt, payload, queue, type, metadata, unique_key)
select ${ID}, case when g % 3 = 0 then now() + interval '1 day' else t end, t, g % 10, 8, case when g % 12 = 0 then 1 else 0 end, payload, queue, type,
       metadata, case when g % 11 = 0 then 'live-' || g end
from (select g, now() - interval '90 minutes' + interval '80 minutes' * (g / $2::float8) as t, ${OF} from generate_series(1, $2::int) g) s`;

const KEYS = `
insert into forgeq.unique_key (type, key, job_id) select type, unique_key, id from forgeq.job where unique_key is not null`;

const ATTEMPTS = `
insert into forgeq.job_attempt (job_id, life, number, outcome, began_at, ended_at, error)
select id, coalesce(life, 1), 1, 'retry', now() - interval '10 minutes', now() - interval '9 minutes',
       jsonb_build_object('name', 'Error', 'message', 'failed to reach host-1 for order ' || (payload ->> 'n'))
from forgeq.job where attempt = 1`;

const LEASED = `
with taken as (
  update forgeq.job j set claim_id = gen_random_uuid(), attempt = j.attempt + 1
  from (select id from forgeq.job where run_at <= now() and attempt = 0 order by id desc limit 60) t where t.id = j.id
  returning j.id, j.claim_id, j.queue, j.type)
insert into forgeq.lease (id, claim_id, ordinal, queue, type, job_ids, open_jobs, created_at, expires_at, began_at)
select overlay(id::text placing 'c' from 30 for 1)::uuid, claim_id, 0, queue, type, array[id], 1, now(), now() + interval '1 hour',
       case when row_number() over (order by id) % 2 = 0 then now() end
from taken`;

/** @param finished - in 40 days; a tenth as many are live */
export const fillSearchable = async (db: Db, seed: number, finished: number): Promise<void> => {
  await db.query(`
insert into forgeq.queue (name) select 'queue_' || n from generate_series(0, 2) n;
insert into forgeq.job_type (type, queue, listed_queues, backoff)
select 'type_' || n, 'queue_' || n, '{queue_0,queue_1,queue_2}', '{}' from generate_series(0, 2) n`);
  for (let week = 6; week > 0; week -= 1)
    await db.query("select forgeq.ensure_partitions(1, now() - make_interval(days => 7 * $1::int))", [week]);
  await db.query(FINISHED, [seed, finished]);
  await db.query(REVIVED);
  await db.query(WAITING_AGAIN);
  await db.query(LIVE, [seed + 1, Math.floor(finished / 10)]);
  for (const text of [KEYS, ATTEMPTS, LEASED]) await db.query(text);
  await db.query("vacuum (analyze) forgeq.job_history");
  await db.query("vacuum (analyze) forgeq.job");
};
