-- enqueue_many for a caller's transaction, which goes on: what enqueue_many refuses with FQ001 to FQ008 is the answer here, and nothing was stored then.
-- Answers {"jobs": [{requested_id, id, created, queue, priority, max_attempts, run_at, created_at}]} as enqueue_many, or
-- {"refused": {"code": "FQ002", "message", ...}} with the detail's values of the error. See enqueue_many for guarantees and locks.
--   select forgeq.enqueue_or_refuse('[{"type": "send_email", "payload": {"email": "test@example.com"}}]');
create or replace function forgeq.enqueue_or_refuse(jobs jsonb, fresh boolean default false, at timestamptz default null, own_ids boolean default false)
returns json
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan set jit = off set lock_timeout = '4s'
as $$
declare
  code text;
  message text;
  detail text;
begin
  return (select json_build_object('jobs', coalesce(json_agg(e), '[]')) from forgeq.enqueue_many(jobs, fresh, at, own_ids) e);
exception
  when sqlstate 'FQ001' or sqlstate 'FQ002' or sqlstate 'FQ003' or sqlstate 'FQ004' or sqlstate 'FQ005' or sqlstate 'FQ006' or sqlstate 'FQ007'
    or sqlstate 'FQ008' then
    get stacked diagnostics code = returned_sqlstate, message = message_text, detail = pg_exception_detail;
    return json_build_object('refused', jsonb_build_object('code', code, 'message', message) || coalesce(nullif(detail, '')::jsonb, '{}'));
end
$$;
