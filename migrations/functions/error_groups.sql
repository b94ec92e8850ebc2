-- The errors of attempts that failed since an instant, in groups by their fingerprint, most attempts first: {groups: [...], attempts, since, complete}. Null
-- types or queues are all. An attempt without an error is named after how it ended. `example` of a group is the newest message as it was.
--
-- job_attempt is only appended to, so the newest attempts are in the last pages: these are read, backwards, until max_pages are; errors that are stored out of
-- line count with what they take. `complete` is false where that did not go back to `since`, and `since` then says how far.
create or replace function forgeq.error_groups(
  since timestamptz, types text[], queues text[], max_groups int, max_pages int default 64, at timestamptz default null)
returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, forgeq, pg_temp
  set jit = off set enable_seqscan = off set max_parallel_workers_per_gather = 0 set lock_timeout = '4s'
as $$
#variable_conflict use_column
declare
  -- Two pages a statement: one that went far over the bound could not be stopped.
  slice constant int := 2;
  now_at constant timestamptz := coalesce(forgeq.as_owner(at), clock_timestamp());
  part record;
  upto bigint;
  read record;
  pages bigint := 0;
  attempts int := 0;
  ids uuid[] := '{}';
  ended timestamptz[] := '{}';
  outcomes text[] := '{}';
  of_types text[] := '{}';
  of_queues text[] := '{}';
  essences jsonb[] := '{}';
  messages text[] := '{}';
  reached timestamptz := since;
  complete boolean := true;
  groups jsonb;
begin
  <<parts>>
  for part in
    select p.name from forgeq.partitions_of('job_attempt', since, greatest(now_at, clock_timestamp()) + interval '7 days') p order by p.from_at desc
  loop
    upto := pg_relation_size(format('forgeq.%I', part.name)::regclass) / current_setting('block_size')::int;
    while upto > 0 loop
      if pages >= max_pages then
        complete := false;
        exit parts;
      end if;
      execute format(
        'select min(a.ended_at) as oldest, coalesce(sum(case when pg_column_size(a.error) > 2000 then 4 else 0 end), 0) as more,
                array_agg(a.job_id) filter (where a.mine) as ids, array_agg(a.ended_at) filter (where a.mine) as ended,
                array_agg(a.outcome) filter (where a.mine) as outcomes, array_agg(a.type) filter (where a.mine) as types,
                array_agg(a.queue) filter (where a.mine) as queues,
                array_agg(case when a.mine then coalesce(forgeq.error_essence(a.error), jsonb_build_object(''name'', a.outcome, ''message'', ''''))
                          end) filter (where a.mine) as essences,
                array_agg(left(case when a.mine then case jsonb_typeof(a.error) when ''object'' then a.error ->> ''message''
                                                     when ''string'' then a.error #>> ''{}'' end end, 400)) filter (where a.mine) as messages
         from (select t.*, t.type is not null and t.ended_at >= $1 and ($2 is null or t.type = any ($2)) and ($3 is null or t.queue = any ($3)) as mine
               from forgeq.%I t where t.ctid >= %L::tid and t.ctid < %L::tid offset 0) a',
        part.name, format('(%s,0)', greatest(0, upto - slice)), format('(%s,0)', upto))
      into read using since, types, queues;
      upto := greatest(0, upto - slice);
      pages := pages + slice + read.more;
      if read.ids is not null then
        attempts := attempts + cardinality(read.ids);
        ids := ids || read.ids;
        ended := ended || read.ended;
        outcomes := outcomes || read.outcomes;
        of_types := of_types || read.types;
        of_queues := of_queues || read.queues;
        essences := essences || read.essences;
        messages := messages || read.messages;
      end if;
      reached := greatest(since, read.oldest);
      exit parts when read.oldest < since;
    end loop;
  end loop;
  if complete then
    reached := since;
  end if;
  with rows as materialized (
    select a.*, forgeq.error_digest(a.essence) as fingerprint,
           least(12, width_bucket(extract(epoch from a.ended_at - reached), 0, greatest(1, extract(epoch from now_at - reached)), 12)) as twelfth
    from unnest(ids, ended, outcomes, of_types, of_queues, essences, messages) as a(id, ended_at, outcome, type, queue, essence, message)),
  grouped as (
    select r.fingerprint, (array_agg(r.essence))[1] as essence, count(*) as attempts, count(distinct r.id) as jobs,
           count(distinct r.id) filter (where r.outcome = 'dead') as dead, array_agg(distinct r.type) as types, array_agg(distinct r.queue) as queues,
           min(r.ended_at) as first_at, max(r.ended_at) as last_at, (array_agg(r.id order by r.ended_at desc))[1] as job_id,
           (array_agg(r.message order by r.ended_at desc))[1] as example
    from rows r
    group by r.fingerprint
    order by count(*) desc, r.fingerprint
    limit max_groups)
  select jsonb_agg(to_jsonb(g) || jsonb_build_object('spark', (
           select jsonb_agg((select count(*) from rows r where r.fingerprint = g.fingerprint and r.twelfth = n.n) order by n.n)
           from generate_series(1, 12) as n(n)))
         order by g.attempts desc, g.fingerprint)
  into groups
  from grouped g;
  return jsonb_build_object('attempts', attempts, 'since', reached, 'complete', complete, 'groups', coalesce(groups, '[]'));
end
$$;
