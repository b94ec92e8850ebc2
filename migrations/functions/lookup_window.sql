-- Where in the history jobs with these ids can be: none ended before its id was made, less the day that the clock of a producer may be ahead (a caller's
-- id: an hour), nor after now, plus a week by which the database's clock may have been set back. Internal: see finished_ids.
create or replace function forgeq.lookup_window(ids uuid[], now_at timestamptz, out since timestamptz, out until timestamptz)
language sql stable parallel safe
as $$
  select least(min(forgeq.id_time(u.id)), now_at) - interval '1 day', greatest(now_at, clock_timestamp()) + interval '7 days'
  from unnest(ids) as u(id)
$$;
