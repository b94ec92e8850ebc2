-- Refuses payloads, a line each, of which one is longer than ForgeQ's own code ever sends: FQ008. Internal: enqueue_lines asks it where they are long together.
create or replace function forgeq.check_lines(payloads text)
returns void
language plpgsql
as $$
begin
  if exists (select from string_to_table(payloads, E'\n') as p(line) where octet_length(p.line) > 262144) then
    raise exception 'payload must have 256 KiB at most' using errcode = 'FQ008';
  end if;
end
$$;
