-- Live jobs that a filter takes, newest id first: up to max_jobs + 1 with an id below `after`, then the row that says how far the list came, see find_live. See
-- filter_condition for a filter, and list_finished.
create or replace function forgeq.list_live(
  filter jsonb, after uuid, max_jobs int, with_payload boolean, at timestamptz default null, max_examined int default 10000, max_pages int default 400)
returns setof forgeq.listed_job
language plpgsql stable security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set jit = off set lock_timeout = '4s' set max_parallel_workers_per_gather = 0
as $$
#variable_conflict use_column
declare
  now_at constant timestamptz := coalesce(forgeq.as_owner(at), clock_timestamp());
  picked uuid[];
  places tid[];
  tried uuid[];
  page_end forgeq.listed_job;
begin
  if not forgeq.may_have_jobs(
      case when filter ? 'types' then array(select jsonb_array_elements_text(filter -> 'types')) end,
      case when filter ? 'queues' then array(select jsonb_array_elements_text(filter -> 'queues')) end) then
    return next page_end;
    return;
  end if;
  select f.ids, f.searched_to into picked, page_end.searched_to
  from forgeq.find_live(filter, after, max_jobs, now_at, max_examined, max_pages) f;

  -- Only what a lease has given back has attempts already.
  select array_agg(j.place order by p.n), coalesce(array_agg(j.id) filter (where j.tried), '{}') into places, tried
  from unnest(picked) with ordinality as p(id, n)
  cross join lateral (
    select j.ctid as place, j.id, j.dispatches is not null or j.attempt > (j.claim_id is not null)::int as tried
    from forgeq.job j where j.id = p.id limit 1) j;
  return query execute $sql$
    select s.*
    -- Where they are in this snapshot, which is of the whole statement: so none is looked up twice.
    from unnest($1) with ordinality as p(place, n)
    join forgeq.job j on j.ctid = p.place
    left join lateral (
      select l.* from forgeq.lease l where l.claim_id = j.claim_id and j.id = any (l.job_ids) limit 1) l on true
    left join (
      select a.job_id, a.life, max(a.began_at) as began_at, (array_agg(a.error order by a.ended_at desc))[1] as error
      from forgeq.job_attempt a
      where a.job_id = any ($4) and a.ended_at >= $5 and a.ended_at < $6
      group by a.job_id, a.life) t on t.job_id = j.id and t.life = coalesce(j.life, 1)
    cross join lateral forgeq.live_row(j::forgeq.job, l::forgeq.lease, t.began_at, t.error, $2, $3) s
    order by p.n $sql$
  -- Planned with the instants known, so that no partition is locked that has none of them.
  using places, now_at, with_payload, tried,
    coalesce((select least(min(forgeq.id_time(u.id)), now_at) - interval '1 day' from unnest(tried) as u(id) having count(*) > 0), 'infinity'),
    greatest(now_at, clock_timestamp()) + interval '7 days';
  return next page_end;
end
$$;
