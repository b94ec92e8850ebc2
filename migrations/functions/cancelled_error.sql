-- The error of a job that was cancelled for this reason; null for none. The same form as that of a job that its handler cancelled. Internal.
create or replace function forgeq.cancelled_error(reason text)
returns jsonb
language sql immutable
as $$ select case when reason is not null then jsonb_build_object('name', 'Cancelled', 'message', reason) end $$;
