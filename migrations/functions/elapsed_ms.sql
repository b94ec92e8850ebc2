-- Whole milliseconds from one instant to another, as the tallies have them: at least 0. `since` may be infinite: somebody may have written that by hand.
create or replace function forgeq.elapsed_ms(since timestamptz, until timestamptz)
returns int
language sql immutable
as $$
  select case when isfinite(since) then least(greatest(round(date_part('epoch', until - since) * 1000), 0), 2147483647)::int
              when since < until then 2147483647 else 0 end
$$;
