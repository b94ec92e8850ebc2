-- A job as a list shows it, by its row of the history, or, of a live one, by the row that it would have: see live_row. The one place that says which column
-- of job_history is which of a list. A query that names it in `from` is planned with these columns in its place.
create or replace function forgeq.list_row(h forgeq.job_history, state text, progress jsonb, with_payload boolean)
returns setof forgeq.listed_job
language sql stable rows 1
as $$
  select h.id, h.life, h.type, h.queue, state, h.priority, case when with_payload then h.payload end, coalesce(h.metadata, '{}'), h.unique_key, h.attempt,
         h.max_attempts, progress, h.created_at, coalesce(h.run_at, h.created_at), h.began_at, h.finished_at, h.result, h.error, h.lease_id, null::uuid
$$;
