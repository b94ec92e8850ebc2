-- Elapsed time from one instant to another as the tallies have it, in 4 bytes: whole milliseconds, at least 0; from 2^31 of them on (24.8 days) whole seconds,
-- negative, at most 68 years. -1 is free for an attempt that never ran. metric_ends reads it. `since` may be infinite: somebody may have written that by hand.
create or replace function forgeq.elapsed_ms(since timestamptz, until timestamptz)
returns int
language sql immutable
as $$
  select case when not isfinite(since) then case when since < until then -2147483647 else 0 end
              when until - since < interval '2147483647 milliseconds' then greatest(round(date_part('epoch', until - since) * 1000), 0)::int
              else -least(round(date_part('epoch', until - since)), 2147483647)::int end
$$;
