-- Whether a text has characters that control a terminal or the direction of what is printed: C0, DEL, C1, separators of lines and bidirectional marks. The
-- same as `hasControls` of lib/core/controls.ts; null for null. Internal.
create or replace function forgeq.has_controls(content text)
returns boolean
language sql immutable
as $$ select $1 ~ '[\u0001-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]' $$;
