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
  -- By all of their ids at once: those that lie side by side in the index cost one descent.
  return query execute $sql$
    select l.*
    from forgeq.job_history h
    cross join lateral forgeq.list_row(h, h.state::text, null, $5) l
    where h.id = any ($1) and h.finished_at >= $3 and h.finished_at <= $4 and h.revived is null and h.finished_at = ($2)[array_position($1, h.id)]
    order by h.id desc $sql$
  using found.ids, found.ends, (select min(e) from unnest(found.ends) e), (select max(e) from unnest(found.ends) e), with_payload;
  return next page_end;
end
$$;
