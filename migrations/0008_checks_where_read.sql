-- What a caller may say of a job is checked where it is read, by these types, not by constraints of the table: each statement that writes a
-- job would parse them anew, and each claim check what it does not change. See docs/adr/0009.
create domain forgeq.job_priority as smallint check (value between 0 and 9);
create domain forgeq.job_max_attempts as smallint check (value between 1 and 1000);

do $$
declare
  one record;
begin
  -- Their names depend on which tables there were when they got them.
  for one in
    select c.conname from pg_constraint c
    where c.conrelid = 'forgeq.job'::regclass and c.contype = 'c' and c.conname ~ '^job_(priority|max_attempts)_check'
  loop
    execute format('alter table forgeq.job drop constraint %I', one.conname);
  end loop;
end
$$;
