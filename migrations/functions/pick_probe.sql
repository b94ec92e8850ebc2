-- Chooses the jobs of one lease that probes, and locks them, as pick does: of a blocked type that has due jobs in this queue and whose probe is due. The next
-- one is due when the lease would expire; whoever takes it back says otherwise. Internal: claim calls it where types are blocked. outcome: null where none
-- is due.
-- Lock order: the block (skip locked), then as pick.
create or replace function forgeq.pick_probe(
  queue text, passed_types text[], dispatch_seconds double precision, now_at timestamptz,
  out outcome text, out more boolean, out places tid[], out ids uuid[], out types text[], out priorities smallint[], out run_ats timestamptz[], out seq bigint)
language plpgsql
as $$
#variable_conflict use_column
declare
  block record;
begin
  for block in
    select b.type, coalesce((select t.batch_size from forgeq.job_type t where t.type = b.type), 1) as batch_size,
           array(select s.type from forgeq.metric_series s where s.queue = pick_probe.queue and s.type <> b.type) as others
    from forgeq.type_block b
    where b.probe_at <= now_at and b.type <> all (passed_types)
      and exists (select from forgeq.metric_series s where s.queue = pick_probe.queue and s.type = b.type)
    order by b.probe_at, b.type
    for update skip locked
  loop
    select p.outcome, p.more, p.places, p.ids, p.types, p.priorities, p.run_ats, p.seq
    into outcome, more, places, ids, types, priorities, run_ats, seq
    from forgeq.pick(pick_probe.queue, block.batch_size, null, block.others, now_at) p;
    if outcome = 'claimed' then
      update forgeq.type_block b set probe_at = now_at + make_interval(secs => dispatch_seconds) where b.type = block.type;
      return;
    end if;
  end loop;
end
$$;
