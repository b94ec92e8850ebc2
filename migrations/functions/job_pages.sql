-- Pages that this transaction has read of the live jobs and of the index that says when they are due: what a count of them is bounded by. Internal.
create or replace function forgeq.job_pages()
returns bigint
language sql volatile
as $$
  select pg_catalog.pg_stat_get_xact_blocks_fetched('forgeq.job'::regclass) + pg_catalog.pg_stat_get_xact_blocks_fetched('forgeq.job_due'::regclass)
$$;
