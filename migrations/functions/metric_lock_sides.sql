-- Locks the sides of the deltas that writers have left and that hold something: `filled`; and the side that is to be active from now on, `next`: the active
-- one where that is empty, or where no other could be had. Internal: metric_fold calls it. The first side that can't be locked is waited for, 100 ms at most;
-- no other is after that. It stays for a later fold.
create or replace function forgeq.metric_lock_sides(active int, out filled int[], out next int)
language plpgsql
as $$
declare
  callers_lock_timeout constant text := current_setting('lock_timeout');
  side int;
  holds boolean;
  must_move boolean;
begin
  filled := '{}';
  execute format('select exists (select from forgeq.metric_delta_%s)', active) into must_move;
  perform set_config('lock_timeout', '100ms', true);
  for n in 1 .. 7 loop
    side := (active + n) % 8;
    execute format('select exists (select from forgeq.metric_delta_%s)', side) into holds;
    continue when not (holds or must_move and next is null);
    begin
      execute format('lock table forgeq.metric_delta_%s in access exclusive mode', side);
      next := coalesce(next, side);
      if holds then
        filled := filled || side;
      end if;
    exception when lock_not_available then
      perform set_config('lock_timeout', '1ms', true);
    end;
  end loop;
  perform set_config('lock_timeout', callers_lock_timeout, true);
  if next is null or not must_move then
    next := active;
  end if;
end
$$;
