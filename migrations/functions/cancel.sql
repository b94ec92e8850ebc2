-- Cancels a job: a free one immediately, one under a lease by a request on the lease, which begin, the heartbeat and settle see.
-- outcome: 'cancelled' (also of a job that is cancelled already: sent again it gives the first answer), 'requested', 'finished'
-- (state says how), 'not_found', or 'busy': somebody holds it right now, try again.
-- Takes the free job or the lease skip locked and checks again in a later statement; never waits while it holds anything.
create or replace function forgeq.cancel(id uuid, at timestamptz default null)
returns table (outcome text, state text)
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan set jit = off set lock_timeout = '4s'
as $$
#variable_conflict use_column
declare
  now_at timestamptz := coalesce(forgeq.as_owner(at), clock_timestamp());
  seen record;
  held record;
  last_error jsonb;
  lease_row record;
begin
  select j.claim_id, j.queue, j.type, j.unique_key into seen from forgeq.job j where j.id = cancel.id;
  if not found then
    select h.state::text into state from forgeq.newest_life(cancel.id, now_at) h;
    outcome := case when state = 'cancelled' then 'cancelled' when found then 'finished' else 'not_found' end;
    return next;
    return;
  end if;

  outcome := 'busy';
  if seen.claim_id is null then
    select j.ctid as tid, coalesce(j.life, 1) as life, j.attempt into held
    from forgeq.job j where j.id = cancel.id and j.claim_id is null for update skip locked;
    if found then
      last_error := (
        select a.error from forgeq.attempts_of(array[cancel.id], now_at) a where a.life = held.life order by a.ended_at desc limit 1);
      perform forgeq.finish_jobs(array[held.tid], null, array[cancel.id], '{cancelled}', array[null::jsonb], array[last_error], array[held.attempt],
        null, null, now_at);
      delete from forgeq.unique_key k where k.type = seen.type and k.key = seen.unique_key and k.job_id = cancel.id;
      perform forgeq.metric_add(seen.queue, seen.type, 'c', 1);
      perform forgeq.count_waiting(seen.queue, -1);
      outcome := 'cancelled';
      state := 'cancelled';
    end if;
  else
    select l.ctid as tid, l.id into lease_row
    from forgeq.lease l where l.claim_id = seen.claim_id and cancel.id = any (l.job_ids) for update skip locked;
    if found then
      -- With the lease locked nobody settles: if the job still has this claim, the lease will see the request.
      perform from forgeq.job j where j.id = cancel.id and j.claim_id = seen.claim_id;
      if found then
        update forgeq.lease l set cancel_requested = case when cancel.id = any (l.cancel_requested) then l.cancel_requested
                                                          else l.cancel_requested || cancel.id end
        where l.ctid = lease_row.tid;
        outcome := 'requested';
      end if;
    end if;
  end if;
  return next;
end
$$;
