-- Cancels a job: a free one immediately, one under a lease by a request on the lease, which begin, the heartbeat and settle see.
-- outcome: 'cancelled' (also of a job that is cancelled already: sent again it gives the first answer), 'requested', 'finished'
-- (state says how), 'not_found', or 'busy': somebody holds it right now, try again.
-- reason: why, 1 to 500 characters without control characters; null for none. It is the job's error, {"name": "Cancelled", "message": reason}, once the job is
-- cancelled; the first reason that was given stays. FQ003 for another text.
-- A worker that listens is told of a request with the commit; others hear it with their next heartbeat.
-- Takes the free job or the lease skip locked and checks again in a later statement; never waits while it holds anything.
create or replace function forgeq.cancel(id uuid, at timestamptz default null, reason text default null)
returns table (outcome text, state text)
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan set jit = off set lock_timeout = '4s'
as $$
#variable_conflict use_column
declare
  now_at timestamptz := coalesce(forgeq.as_owner(at), clock_timestamp());
  seen record;
  lease_row record;
begin
  perform forgeq.check_reason(reason);
  select j.claim_id into seen from forgeq.job j where j.id = cancel.id;
  if not found then
    select h.state::text into state from forgeq.newest_life(cancel.id, now_at) h;
    outcome := case when state = 'cancelled' then 'cancelled' when found then 'finished' else 'not_found' end;
    return next;
    return;
  end if;

  outcome := 'busy';
  if seen.claim_id is null then
    if cardinality(forgeq.cancel_waiting(array[cancel.id], null, forgeq.cancelled_error(reason), now_at)) > 0 then
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
                                                          else l.cancel_requested || cancel.id end,
                                  cancel_reasons = case when reason is null then l.cancel_reasons
                                                        else jsonb_build_object(cancel.id, reason) || coalesce(l.cancel_reasons, '{}') end
        where l.ctid = lease_row.tid;
        outcome := 'requested';
        -- Not where notifications that nobody reads fill their room: a commit would fail.
        if pg_notification_queue_usage() <= 0.5 then
          perform pg_notify('forgeq_wake', json_build_object('cancel', lease_row.id)::text);
        end if;
      end if;
    end if;
  end if;
  return next;
end
$$;
