-- The history's key held life and finished_at beside the id, and protected from nothing: two ends of one life differ in
-- finished_at. Every reader looks up by id. 16 bytes of WAL less for each finished job. See docs/adr/0009.
alter table forgeq.job_history drop constraint job_history_pkey;
create index job_history_id on forgeq.job_history (id);
