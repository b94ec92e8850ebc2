-- Refuses a reason that can't be shown as a line: FQ003. Null is none. Internal.
create or replace function forgeq.check_reason(reason text)
returns void
language plpgsql
as $$
begin
  if length(reason) not between 1 and 500 or forgeq.has_controls(reason) then
    raise exception 'reason must have 1 to 500 characters, and no control characters'
      using errcode = 'FQ003',
            detail = '{"errors": [{"pointer": "/reason", "message": "must have 1 to 500 characters, and no control characters"}]}';
  end if;
end
$$;
