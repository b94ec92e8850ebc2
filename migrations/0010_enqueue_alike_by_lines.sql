-- It takes lines now, which `create or replace` can't change.
drop function if exists forgeq.enqueue_alike(jsonb, text, text, boolean, timestamptz);
