-- Ids are random: to compress those of a lease of 500 jobs took a fifteenth of what the server spends on a job. See docs/adr/0009.
alter table forgeq.lease alter column job_ids set storage external;
