-- What storing a job of a type needs to know is in the type's row: its counter, too, where the type's queue has room without end. Null: whoever enqueues
-- looks at the queue. Kept by triggers, see functions/set_series_of_type.sql.
lock table forgeq.queue, forgeq.job_type in share row exclusive mode;
alter table forgeq.job_type add column series int;

insert into forgeq.metric_series (queue, type)
select t.queue, t.type from forgeq.job_type t
where not exists (select from forgeq.metric_series s where s.queue = t.queue and s.type = t.type)
on conflict do nothing;
update forgeq.job_type t set series = s.id
from forgeq.queue q
join forgeq.metric_series s on s.queue = q.name
where q.name = t.queue and q.max_pending is null and s.type = t.type;
