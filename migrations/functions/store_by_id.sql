-- Stores those items of enqueue_many that are not in `existing`, {id asked for: id of the job that was there already}, each unless its id is there: live, or
-- ended. Gives the ids that it stored, and `existing` with the others added, each the same job as its item (see same_jobs). Internal.
-- `seen`: the snapshot before which jobs that their queues do not keep were looked for; null where the queues of the call keep all.
-- Lock order: jobs, in the order of the items.
create or replace function forgeq.store_by_id(jobs jsonb, types jsonb, inout existing jsonb, seen pg_snapshot, now_at timestamptz, out stored_ids uuid[])
language plpgsql
as $$
#variable_conflict use_column
declare
  item forgeq.job;
  finished uuid[];
begin
  stored_ids := '{}';
  for item in
    select n.* from forgeq.new_jobs(jobs, types, existing, now_at) n
  loop
    insert into forgeq.job values (item.*)
    on conflict (id) do nothing;
    if found then
      stored_ids := stored_ids || item.id;
    else
      existing := existing || forgeq.same_jobs(jsonb_build_array(to_jsonb(item)), array[item.id]);
    end if;
  end loop;
  -- Looked up after the inserts: a job that was live before them made a conflict, one that had ended is seen here.
  finished := forgeq.finished_ids(stored_ids, now_at);
  if seen is not null then
    finished := finished || array(select c.id from forgeq.completed_lately(stored_ids, now_at, seen) c);
  end if;
  if cardinality(finished) > 0 then
    delete from forgeq.unique_key k using forgeq.job j
    where j.id = any (finished) and k.type = j.type and k.key = j.unique_key and k.job_id = j.id;
    delete from forgeq.job j where j.id = any (finished);
    stored_ids := array(select s.id from unnest(stored_ids) as s(id) where s.id <> all (finished));
    existing := existing || forgeq.same_jobs(jobs, finished);
  end if;
end
$$;
