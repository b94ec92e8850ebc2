-- Live jobs that a filter takes, newest id first: the ids of up to max_jobs + 1 below `after`, and how far the search came, null for the end. Internal:
-- list_live calls it. See filter_condition for a filter.
--
-- By ids or by a unique key they are looked up. Leased and running ones are found by their leases. Where the filter's queues, or those of its types, have a few
-- jobs in its states only, those are read. All others are found by a walk, which ends after max_examined jobs or max_pages pages; by an error it reads the
-- attempts of each job that has had one.
create or replace function forgeq.find_live(
  filter jsonb, after uuid, max_jobs int, now_at timestamptz, max_examined int, max_pages int, out ids uuid[], out searched_to uuid)
language plpgsql stable
  set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set jit = off set max_parallel_workers_per_gather = 0
as $$
#variable_conflict use_column
declare
  states constant text[] := forgeq.filter_states(filter, '{scheduled,pending,leased,running}');
  condition text := forgeq.live_condition(states) || ' and ' || forgeq.filter_condition(filter, 'j');
  low constant uuid := greatest((filter ->> 'low')::uuid, '00000000-0000-0000-0000-000000000000');
  below constant uuid := least(after, (filter ->> 'high')::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
  by_error constant boolean := filter ?| '{error,fingerprint}';
  few constant int := 300;
  named uuid[];
  -- Of jobs that are found by their leases.
  claims uuid[];
  queues text[];
  walk text;
  n int := 0;
  pages bigint := 0;
  page bigint := -1;
  seen record;
begin
  ids := '{}';
  if states = '{}' or below <= low then
    return;
  end if;
  if filter ? 'ids' then
    named := array(select jsonb_array_elements_text(filter -> 'ids'))::uuid[];
  elsif filter ? 'unique_key' then
    named := array(select u.job_id from forgeq.job_type t join forgeq.unique_key u on u.type = t.type and u.key = filter ->> 'unique_key');
  elsif states <@ '{leased,running}' then
    select coalesce(array_agg(k.id order by k.id desc), '{}'), array_agg(k.claim_id order by k.id desc) into named, claims
    from (
      select distinct u.id, l.claim_id
      from forgeq.lease l
      cross join unnest(l.job_ids) as u(id)
      where case when l.began_at is null then 'leased' else 'running' end = any (states) and u.id < below and u.id >= low
        and (not filter ? 'types' or filter -> 'types' ? l.type) and (not filter ? 'queues' or filter -> 'queues' ? l.queue)) k;
    -- The lease of a job that is held by this claim has been read.
    condition := 'j.claim_id = k.claim_id and ' || forgeq.filter_condition(filter, 'j');
  elsif filter ?| '{states,types,queues}' then
    queues := forgeq.filter_queues(filter);
    if cardinality(queues) <= 30 then
      execute format(
        'select count(*) as jobs, array_agg(j.id order by j.id desc) filter (where j.id < $2 and j.id >= $3 and %s) as wanted
         from (
           select j.*
           from unnest($4) as q(name)
           cross join generate_series(0, 9) as p(n)
           cross join lateral (
             select j.* from forgeq.job j
             where j.queue = q.name and j.priority = p.n::smallint and j.run_at >= $5 and j.run_at <= $6 order by j.run_at limit $7 + 1) j
           limit $7 + 1) j', condition)
      into seen
      using now_at, below, low, queues, case when states = '{scheduled}' then now_at + interval '1 microsecond' else '-infinity' end,
        case when states = '{pending}' then now_at else 'infinity' end, few;
      if seen.jobs <= few then
        named := coalesce(seen.wanted, '{}');
        if not by_error then
          ids := named[1:max_jobs + 1];
          return;
        end if;
      end if;
    end if;
  end if;

  if claims is null and named is not null then
    named := array(select distinct u.id from unnest(named) as u(id) order by u.id desc);
  end if;
  -- Those that are named are in the order of the list already: no more of them are looked up than fill a page.
  walk := format(
    'select j.id, (%s) as wanted, (j.ctid::text::point)[0]::bigint as page, %s as more, coalesce(j.life, 1) as life,
            j.dispatches is not null or j.attempt > (j.claim_id is not null)::int as tried
     from %s where j.id < $2 and j.id >= $3 order by %s',
    condition,
    case when filter ? 'payload' then 'case when pg_column_size(j.payload) > 2000 then 3 + pg_column_size(j.payload) / 2000 else 0 end' else '0' end,
    case when named is null then 'forgeq.job j'
         else 'unnest($4, $5) with ordinality as k(id, claim_id, n)
               cross join lateral (select j.*, j.ctid from forgeq.job j where j.id = k.id limit 1) j' end,
    case when named is null then 'j.id desc' else 'k.n' end);
  for seen in execute walk using now_at, below, low, named, claims loop
    n := n + 1;
    pages := pages + seen.more + case when named is null then (seen.page <> page)::int else 4 end;
    page := seen.page;
    if seen.wanted and by_error then
      seen.wanted := seen.tried and forgeq.has_error(filter, seen.id, seen.life, now_at);
      pages := pages + case when seen.tried then 10 else 0 end;
    end if;
    if seen.wanted then
      ids := ids || seen.id;
      exit when cardinality(ids) > max_jobs;
    end if;
    if not filter ?| '{ids,unique_key}' and (n = max_examined or pages > max_pages) then
      searched_to := seen.id;
      exit;
    end if;
  end loop;
end
$$;
