-- Says that so many jobs more, or fewer, wait in a queue that has max_pending: whoever stores, claims, gives back or cancels such jobs calls it in the same
-- transaction. Does nothing for a queue without a mark. Gives 0, so that it can stand in a sum. Internal.
--
-- It waits for nobody. One caller at a time, of those whose transaction ends with this statement, writes a new mark, of the last one and of what came since;
-- all others append a row, so that a transaction that stays open holds no mark up. Only where some rows have piled up, because there are no other callers,
-- one of those writes it. Who locks the newest mark is that caller: nobody else replaces it, so it is the newest one until he does.
-- Lock order: the queue's newest mark, skip locked, kept until the transaction ends.
create or replace function forgeq.count_waiting(queue text, jobs bigint)
returns int
language plpgsql
as $$
#variable_conflict use_column
declare
  may_mark constant boolean := current_setting('transaction_isolation') = 'read committed';
  was record;
  newest record;
begin
  if not (may_mark and forgeq.alone_in_transaction()) then
    select w.n, coalesce(w.mine, false) as mine, coalesce(cardinality(w.deltas), 0) as deltas into was from forgeq.waiting_jobs(count_waiting.queue) w;
    if was.n is null then
      return 0;
    end if;
    -- A row of the transaction that wrote the mark would count as seen by it.
    if not (was.mine or may_mark and was.deltas > 32) then
      insert into forgeq.waiting_delta (queue, jobs) values (count_waiting.queue, count_waiting.jobs);
      return 0;
    end if;
  end if;

  -- In one statement: the mark's snapshot is that by which the jobs were counted.
  with waiting as materialized (select w.* from forgeq.waiting_jobs(count_waiting.queue) w where w.n is not null),
  held as materialized (
    select m.ctid as mark from forgeq.waiting_mark m where m.ctid = (select w.mark from waiting w) for update skip locked),
  marked as (
    insert into forgeq.waiting_mark (queue, n, jobs)
    select count_waiting.queue, w.n + 1, w.jobs + count_waiting.jobs from waiting w join held h on h.mark = w.mark),
  replaced as (
    delete from forgeq.waiting_mark m where m.ctid = any (array(select h.mark from held h))),
  seen as (
    delete from forgeq.waiting_delta d where d.ctid = any (array(select unnest(w.deltas) from waiting w join held h on h.mark = w.mark)))
  select w.n, h.mark into newest from waiting w left join held h on h.mark = w.mark;
  if newest.n is not null and newest.mark is null then
    insert into forgeq.waiting_delta (queue, jobs) values (count_waiting.queue, count_waiting.jobs);
  end if;
  return 0;
end
$$;
