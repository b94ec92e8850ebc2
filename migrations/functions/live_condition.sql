-- Whether a live job (j) is in one of these states at the instant $1, as text of SQL. Internal: find_live.
create or replace function forgeq.live_condition(states text[])
returns text
language sql immutable
as $$
  select '(' || array_to_string(array_remove(array[
    case when states @> '{scheduled,pending}' then 'j.claim_id is null'
         when 'scheduled' = any (states) then 'j.claim_id is null and j.run_at > $1'
         when 'pending' = any (states) then 'j.claim_id is null and j.run_at <= $1' end,
    case when states @> '{leased,running}' then 'j.claim_id is not null'
         when states && '{leased,running}' then format(
           'j.claim_id is not null and coalesce((select l.began_at is not null from forgeq.lease l
              where l.claim_id = j.claim_id and j.id = any (l.job_ids) limit 1), false) = %L', 'running' = any (states)) end], null), ' or ') || ')'
$$;
