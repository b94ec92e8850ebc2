-- Whether the last error of a live job's life is the one that a filter names. Internal: find_live.
create or replace function forgeq.has_error(filter jsonb, id uuid, life int, now_at timestamptz)
returns boolean
language sql stable
as $$
  select coalesce((
    select (not filter ? 'error' or strpos(lower(concat(a.error ->> 'name', ': ', a.error ->> 'message')), lower(filter ->> 'error')) > 0)
       and (not filter ? 'fingerprint' or forgeq.error_fingerprint(a.error) = filter ->> 'fingerprint')
    from forgeq.attempts_of(array[has_error.id], now_at) a
    where a.life = has_error.life
    order by a.ended_at desc
    limit 1), false)
$$;
