-- What has been appended to the deltas and is not folded, with the side that it is in.
create or replace view forgeq.metric_deltas as
select 0 as side, series, kind, jobs from forgeq.metric_delta_0
union all
select 1 as side, series, kind, jobs from forgeq.metric_delta_1
union all
select 2 as side, series, kind, jobs from forgeq.metric_delta_2
union all
select 3 as side, series, kind, jobs from forgeq.metric_delta_3
union all
select 4 as side, series, kind, jobs from forgeq.metric_delta_4
union all
select 5 as side, series, kind, jobs from forgeq.metric_delta_5
union all
select 6 as side, series, kind, jobs from forgeq.metric_delta_6
union all
select 7 as side, series, kind, jobs from forgeq.metric_delta_7;
