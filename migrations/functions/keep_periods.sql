-- Adds what a fold has counted to the periods that it covers, and forgets those that are over. What is late, see metric_fresh, was written between the two
-- folds before: from `before` to `since`; all else since then. Internal: metric_fold calls it.
create or replace function forgeq.keep_periods(sums jsonb, before timestamptz, since timestamptz, now_at timestamptz)
returns void
language plpgsql
as $$
declare
  length int;
  late boolean;
  part jsonb;
begin
  foreach late in array array[true, false] loop
    part := (select jsonb_agg(n) from jsonb_array_elements(sums) as n where (n ->> 'is_late')::boolean = late);
    continue when part is null;
    insert into forgeq.metric_period as p (series, step, at, counts)
    select coalesce(s.id, 0), n.step, n.begins, n.counts
    from forgeq.metric_spread(part, case when late then before else since end, case when late then since else now_at end) n
    left join forgeq.metric_series s on s.queue = n.queue and s.type = n.type
    order by 1, 2, 3
    on conflict (series, step, at) do update
    set counts = (select array_agg(u.a + u.b order by u.n) from unnest(p.counts, excluded.counts) with ordinality as u(a, b, n));
  end loop;
  foreach length in array array[60, 900, 3600] loop
    delete from forgeq.metric_period p where p.step = length and p.at < now_at - forgeq.metric_kept(length);
  end loop;
end
$$;
