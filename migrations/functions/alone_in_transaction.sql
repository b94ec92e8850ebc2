-- Is this statement, as far as can be told, a transaction of its own, which ends with it? Internal. Postgres does not say, but such a transaction begins with
-- the messages of its statement, and a statement of an open one comes a round trip later at least. Where this is wrong nothing is: see who asks.
create or replace function forgeq.alone_in_transaction()
returns boolean
language sql stable
as $$
  select statement_timestamp() - transaction_timestamp() < interval '1 millisecond';
$$;
