-- They take or give more now, which `create or replace` can't add.
drop function if exists forgeq.pick(text, int, text[], text[], timestamptz);
drop function if exists forgeq.settle_and_take(uuid, jsonb, jsonb, text[], int, text, double precision, timestamptz);
