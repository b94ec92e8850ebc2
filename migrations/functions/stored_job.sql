-- The job `holder` that an enqueue of `requested` found there already, live or finished, as a list shows it, without its payload; no row when it is nowhere.
-- Who may only enqueue sees no job but one that it could send itself: FQ004 or FQ005 for another type or unique key, or
-- another payload of the same id.
create or replace function forgeq.stored_job(
  requested uuid, holder uuid, type text, payload jsonb, unique_key text, at timestamptz default null)
returns setof forgeq.listed_job
language plpgsql security definer rows 1 set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set jit = off set lock_timeout = '4s'
as $$
#variable_conflict use_column
declare
  now_at timestamptz := coalesce(forgeq.as_owner(at), clock_timestamp());
begin
  perform forgeq.check_same_job(requested, holder, stored_job.type, stored_job.payload, stored_job.unique_key);
  -- Live, finished, then live again: a job may finish, or be revived, between two statements.
  for tried in 1 .. 2 loop
    return query
    select s.*
    from forgeq.job j
    left join forgeq.lease l on l.claim_id = j.claim_id and j.id = any (l.job_ids)
    left join lateral (
      select (array_agg(o.began_at order by o.ended_at desc) filter (where o.began_at is not null))[1] as began_at,
             (array_agg(o.error order by o.ended_at desc))[1] as error
      from forgeq.attempts_of(array[j.id], now_at) o
      where o.life = coalesce(j.life, 1)) a on true
    cross join lateral forgeq.live_row(j, l, a.began_at, a.error, now_at, false) s
    where j.id = holder;
    exit when found;
    return query
    select l.* from forgeq.newest_life(holder, now_at) h cross join lateral forgeq.list_row(h, h.state::text, null, false) l;
    exit when found;
  end loop;
end
$$;
