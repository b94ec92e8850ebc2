-- Seconds until the next attempt, after attempt number `attempt` failed. `random` is in [0, 1).
-- The same as lib/core/backoff.ts; a property test compares the two. The exponent is capped at 60 before the power is
-- taken, because least() can't catch an overflow. No delay is over one year, and one under a microsecond is none: a part
-- of it could be too small for a double, which Postgres refuses.
create or replace function forgeq.backoff_seconds(backoff jsonb, attempt int, random double precision)
returns double precision
language sql immutable parallel safe
as $$
  select case when whole.seconds < 0.000001 then 0
              when backoff ->> 'jitter' = 'full' then whole.seconds * random
              else whole.seconds end
  from (
    select least(31536000, case backoff ->> 'type'
      when 'exponential' then
        least((backoff ->> 'max_seconds')::float8, (backoff ->> 'base_seconds')::float8 * power(2, least(greatest(attempt, 1) - 1, 60)))
      when 'linear' then
        least((backoff ->> 'max_seconds')::float8, (backoff ->> 'base_seconds')::float8 * greatest(attempt, 1))
      when 'list' then
        (backoff -> 'delays_seconds' ->> (least(greatest(attempt, 1), jsonb_array_length(backoff -> 'delays_seconds')) - 1))::float8
      else (backoff ->> 'seconds')::float8
    end) as seconds) whole
$$;
