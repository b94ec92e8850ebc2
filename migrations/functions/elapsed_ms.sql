-- Whole milliseconds from one instant to another, as the tallies have them: at least 0.
create or replace function forgeq.elapsed_ms(since timestamptz, until timestamptz)
returns int
language sql immutable
as $$
  select least(greatest(round(date_part('epoch', until - since) * 1000), 0), 2147483647)::int
$$;
