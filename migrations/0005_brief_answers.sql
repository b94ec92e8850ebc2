-- They take or give more now, which `create or replace` can't add.
drop function if exists forgeq.settle(uuid, uuid, jsonb, timestamptz);
drop function if exists forgeq.claim_jobs(text, uuid, int, text[], text[], double precision, uuid, text, timestamptz);
drop function if exists forgeq.settle_and_take(uuid, jsonb, jsonb, text[], int, text, double precision, timestamptz);
