-- Finished jobs in their newest life that a filter takes, newest id first: up to max_jobs + 1 with an id below `after`, then the row that says how far the
-- list came. A list by a filter that few jobs meet stops after a bounded number of jobs and pages, see find_finished; and none goes below from_id, where that
-- is not null. See filter_condition for a filter. Stable: list_live in the same statement is of the same snapshot.
create or replace function forgeq.list_finished(
  filter jsonb, after uuid, from_id uuid, max_jobs int, with_payload boolean, at timestamptz default null, max_examined int default 20000,
  max_pages int default 700)
returns setof forgeq.listed_job
language plpgsql stable security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set jit = off set lock_timeout = '4s' set max_parallel_workers_per_gather = 0
as $$
#variable_conflict use_column
declare
  now_at constant timestamptz := coalesce(forgeq.as_owner(at), clock_timestamp());
  found record;
  page_end forgeq.listed_job;
begin
  if not forgeq.may_have_jobs(
      case when filter ? 'types' then array(select jsonb_array_elements_text(filter -> 'types')) end,
      case when filter ? 'queues' then array(select jsonb_array_elements_text(filter -> 'queues')) end) then
    return next page_end;
    return;
  end if;
  select f.* into found from forgeq.find_finished(filter, after, from_id, max_jobs, now_at, max_examined, max_pages) f;
  page_end.searched_to := found.searched_to;
  return query execute $sql$
    select l.*
    from unnest($1, $2) with ordinality as k(id, finished_at, n)
    cross join lateral (
      select p.* from forgeq.job_history p
      where p.id = k.id and p.finished_at = k.finished_at and p.finished_at >= $3 and p.finished_at <= $4 and p.revived is null limit 1) h
    cross join lateral forgeq.list_row(h::forgeq.job_history, h.state::text, null, $5) l
    order by k.n $sql$
  using found.ids, found.ends, (select min(e) from unnest(found.ends) e), (select max(e) from unnest(found.ends) e), with_payload;
  return next page_end;
end
$$;
