-- For how long the periods of a length in seconds are kept. Internal.
create or replace function forgeq.metric_kept(step int)
returns interval
language sql immutable
as $$
  select case step when 60 then interval '75 minutes' when 900 then interval '26 hours' else interval '32 days' end
$$;
