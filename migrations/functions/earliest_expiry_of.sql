-- When the next lease expires that this owner takes back, null for any owner. Internal. Where a dispatcher or a tick of another owner has run, too, the open
-- leases are read.
create or replace function forgeq.earliest_expiry_of(owner text)
returns timestamptz
language plpgsql
as $$
begin
  if not exists (select from forgeq.wake w where not forgeq.is_served(nullif(w.owner, ''), earliest_expiry_of.owner)) then
    return forgeq.earliest_expiry();
  end if;
  return (
    select min(l.expires_at)
    from forgeq.open_leases() l
    where not exists (select from forgeq.queue q where q.name = l.queue and not forgeq.is_served(q.owner, earliest_expiry_of.owner)));
end
$$;
