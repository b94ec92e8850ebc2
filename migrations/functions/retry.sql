-- A finished job lives again by hand: same id, next life, due now, attempts from zero; its history stays.
-- `life` is the life that the caller saw. Sent again after its answer was lost it gives the first answer.
-- outcome: 'retried'; 'live' (this life has not ended); 'not_found'; 'stale' (another life is the newest);
-- 'unique_key' (its key is held by job holder_id); 'payload_gone' (its queue kept none); 'queue_gone' (its queue was deleted).
-- Lock order: the unique key, the job, its row in the history.
create or replace function forgeq.retry(id uuid, life int, at timestamptz default null)
returns table (outcome text, holder_id uuid)
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan set jit = off set lock_timeout = '4s'
as $$
#variable_conflict use_column
declare
  now_at timestamptz := coalesce(forgeq.as_owner(at), clock_timestamp());
  h record;
  live_life int;
  marked int;
begin
  select coalesce(j.life, 1) into live_life from forgeq.job j where j.id = retry.id;
  if found then
    outcome := case live_life when retry.life + 1 then 'retried' when retry.life then 'live' else 'stale' end;
    return next;
    return;
  end if;
  select p.* into h from forgeq.newest_life(retry.id, now_at) p;
  outcome := case when not found then 'not_found' when h.life = retry.life + 1 then 'retried' when h.life <> retry.life then 'stale'
                  -- The next life has completed, where its queue keeps no completed jobs.
                  when h.revived then 'retried'
                  when h.payload is null then 'payload_gone'
                  -- The type is read for its table's lock: delete_queue waits for whoever has found the queue. See there.
                  when not exists (select from forgeq.queue q left join forgeq.job_type t on t.type = h.type where q.name = h.queue) then 'queue_gone' end;
  if outcome is not null then
    return next;
    return;
  end if;

  if h.unique_key is not null then
    -- A holder that ends in this moment frees its key: take it then.
    loop
      insert into forgeq.unique_key (type, key, job_id) values (h.type, h.unique_key, h.id) on conflict do nothing;
      exit when found;
      select k.job_id into holder_id from forgeq.unique_key k where k.type = h.type and k.key = h.unique_key;
      if found then
        outcome := case when holder_id = h.id then 'retried' else 'unique_key' end;
        holder_id := nullif(holder_id, h.id);
        return next;
        return;
      end if;
    end loop;
  end if;
  insert into forgeq.job (id, run_at, created_at, life, priority, max_attempts, depth, queue, type, unique_key, traceparent, metadata, payload)
  values (h.id, now_at, h.created_at, h.life + 1, h.priority, h.max_attempts, h.depth, h.queue, h.type, h.unique_key, h.traceparent, h.metadata, h.payload)
  on conflict (id) do nothing;
  if found then
    -- Planned with its instant known, so that it touches one partition.
    execute 'update forgeq.job_history p set revived = true where p.id = $1 and p.life = $2 and p.finished_at = $3 and p.revived is null'
    using h.id, h.life, h.finished_at;
    get diagnostics marked = row_count;
    -- Two retries of one life raced: the other one made it, and it may even have ended; only one new life exists. Or the row was purged meanwhile.
    if marked = 0 then
      raise exception 'forgeq: job % was retried or purged meanwhile', h.id using errcode = '40001';
    end if;
    perform forgeq.metric_add(h.queue, h.type, 'r', 1);
    perform forgeq.count_waiting(h.queue, 1);
  end if;
  outcome := 'retried';
  return next;
end
$$;
