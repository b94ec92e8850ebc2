/** Characters that control a terminal or the direction of what is printed: C0, DEL, C1, separators of lines and bidirectional marks. */
// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

export const hasControls = (text: string): boolean => text.search(CONTROL) >= 0;

/** The text with `\u001b` in place of ESC, and so on: a terminal prints it, and does nothing. */
export const escapeControls = (text: string): string =>
  text.replaceAll(CONTROL, (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, "0")}`);

export const MAX_REASON_CHARACTERS = 500;

/** What is wrong with a reason; null when it can be stored and shown. migrations/functions/check_reason.sql says the same to callers of SQL. */
export const reasonFault = (reason: string): string | null => {
  if (reason === "" || [...reason].length > MAX_REASON_CHARACTERS) return "must have 1 to 500 characters";
  if (hasControls(reason)) return "must have no control characters";
  return reason.isWellFormed() ? null : "contains half of a surrogate pair";
};

/** What is wrong with a unique key; null when it can be stored. migrations/functions/check_values.sql says the same to callers of SQL. */
export const uniqueKeyFault = (key: string): string | null => {
  // Postgres counts characters, not UTF-16 units.
  if (key === "" || key.length > 400 || [...key].length > 200) return "must have 1 to 200 characters";
  if (hasControls(key)) return "must not have control characters";
  return key.isWellFormed() ? null : "contains half of a surrogate pair";
};
