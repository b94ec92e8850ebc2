-- Which of these jobs have completed in the last ten minutes, newest first, where their queue keeps no completed jobs: what the leases that have closed since
-- say, and the open ones that have settled some of their jobs. Internal: read for calls that may have been sent before.
--
-- A closed lease keeps 8 bytes of each id, hashed, in which one look among 1,200,000 jobs errs once in 10^13. Closed leases are read from the newest on,
-- ever more at a time, until every id is found or they are ten minutes old. `since`: only those of transactions that are not visible in this snapshot.
create or replace function forgeq.completed_lately(ids uuid[], now_at timestamptz, since pg_snapshot default null)
returns table (id uuid, queue text, type text, completed_at timestamptz)
language plpgsql stable security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan set jit = off set lock_timeout = '4s'
as $$
#variable_conflict use_column
declare
  lowest constant xid8 := coalesce(pg_snapshot_xmax(since), '0');
  -- Above all.
  last xid8 := '18446744073709551615';
  leases int := 100;
  part record;
begin
  return query
  select w.id, l.queue, l.type, l.closed_at
  from (
    select o.queue, o.type, now_at as closed_at, o.outcomes, ''::bytea as completed from forgeq.counted_lease o where o.outcomes <> '{}'
    union all
    select c.queue, c.type, c.closed_at, c.outcomes, c.completed
    from forgeq.lease_closed c
    where since is not null and c.xid = any (array(select pg_snapshot_xip(since)))) l
  join unnest(ids) as w(id) on l.outcomes ->> w.id::text = 'completed' or position(int8send(uuid_hash_extended(w.id, 0)) in l.completed) > 0;

  while cardinality(ids) > 0 loop
    with wanted as materialized (
      select w.id, w.id::text as key, int8send(uuid_hash_extended(w.id, 0)) as hash from unnest(ids) as w(id)),
    closed as materialized (
      select c.xid, c.queue, c.type, c.closed_at,
             -- Few are looked for in the bytes, which costs a twentieth of taking them apart.
             case when cardinality(ids) <= 32 then array(select w.id from wanted w where position(w.hash in c.completed) > 0)
                  else array(select w.id
                             from generate_series(1, length(c.completed), 8) as o
                             join wanted w on w.hash = substring(c.completed from o for 8)) end
             || case when c.completed = '' and jsonb_typeof(c.outcomes) = 'object' then array(
                  select w.id from jsonb_each_text(c.outcomes) as e(key, state) join wanted w on w.key = e.key where e.state = 'completed')
                else '{}' end as found
      from (
        select l.xid, l.queue, l.type, l.closed_at, l.outcomes, l.completed
        from forgeq.lease_closed l
        where l.xid >= lowest and l.xid < last
        order by l.xid desc fetch first (leases) rows with ties) c)
    select min(c.xid) as last, count(*) < leases or min(c.closed_at) < now_at - interval '10 minutes' as ends,
           jsonb_agg(c) filter (where c.found <> '{}') as hits
    into part
    from closed c;
    if part.hits is not null then
      return query
      select f.id, h.queue, h.type, h.closed_at
      from jsonb_to_recordset(part.hits) as h(queue text, type text, closed_at timestamptz, found uuid[])
      cross join unnest(h.found) as f(id);
      ids := array(
        select unnest(ids)
        except select unnest(h.found) from jsonb_to_recordset(part.hits) as h(found uuid[]));
    end if;
    exit when part.ends;
    last := part.last;
    leases := least(leases * 4, 25600);
  end loop;
end
$$;
