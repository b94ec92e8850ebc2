-- LISTEN as a function, so that the name of a worker's channel is a parameter: pg_stat_activity shows the text of a statement to others.
create or replace function forgeq.listen_to(channel text)
returns void
language plpgsql
as $$
begin
  execute format('listen %I', channel);
end
$$;
