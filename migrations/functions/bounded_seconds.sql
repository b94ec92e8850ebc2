-- Seconds from now_at until an instant, within ten years both ways: what is further is ten years away. Null for what never comes. Somebody may have written
-- `infinity` into a table by hand, and to subtract it is an error before PostgreSQL 17. Internal.
create or replace function forgeq.bounded_seconds(instant timestamptz, now_at timestamptz)
returns double precision
language sql immutable
as $$
  select case when isfinite(instant) then greatest(least(extract(epoch from instant - now_at), 315576000), -315576000)
              when instant < now_at then -315576000 end::double precision
$$;
