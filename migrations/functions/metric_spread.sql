-- Counters of a span of time, [{queue, type, name, value}], as counts of the periods that it covers: each number is spread evenly, in whole numbers whose sum
-- is the number. A row for each queue and type, and with null for both one of all; none that is empty, none of periods that are kept no longer.
create or replace function forgeq.metric_spread(sums jsonb, since timestamptz, until timestamptz, steps int[] default '{60,900,3600}')
returns table (queue text, type text, step int, begins timestamptz, counts bigint[])
language sql stable
as $$
  with cells as (
    select n.queue, n.type, k.position, sum(n.value)::bigint as value
    from jsonb_to_recordset(sums) as n(queue text, type text, name text, value bigint)
    cross join lateral forgeq.metric_position(n.name) as k(position)
    where k.position is not null
    group by grouping sets ((n.queue, n.type, k.position), (k.position))),
  periods as (
    select s.step, p.at, greatest(0, share.of_begin) as of_begin, least(1, share.of_end) as of_end
    from unnest(steps) as s(step)
    cross join lateral (
      -- A span without length, or of a clock that went back, is the period that it ends in.
      select make_interval(secs => s.step) as length,
             case when since < until then greatest(since, until - forgeq.metric_kept(s.step)) else until end as since) f
    cross join lateral generate_series(date_bin(f.length, f.since, timestamptz '2000-01-01 00:00+00'), until, f.length) as p(at)
    cross join lateral (
      select case when since < until then extract(epoch from p.at - since) / extract(epoch from until - since) else 0 end as of_begin,
             case when since < until then extract(epoch from p.at + f.length - since) / extract(epoch from until - since) else 1 end as of_end) share),
  spread as (
    select c.queue, c.type, p.step, p.at, array_agg(c.position) as positions,
           array_agg(floor(c.value * p.of_end)::bigint - floor(c.value * p.of_begin)::bigint) as numbers
    from cells c
    cross join periods p
    group by c.queue, c.type, p.step, p.at
    having bool_or(floor(c.value * p.of_end) > floor(c.value * p.of_begin)))
  select s.queue, s.type, s.step, s.at as begins,
         (select array_agg(coalesce(v.number, 0) order by n.n)
          from generate_series(1, 39) as n(n)
          left join unnest(s.positions, s.numbers) as v(position, number) on v.position = n.n)
  from spread s
$$;
