/** A spreadsheet would run a text that begins so as a formula. https://owasp.org/www-community/attacks/CSV_Injection */
const FORMULA = /^[=+\-@\t\r]/;

const quote = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/** Numbers are never formulas, even negative ones; a text that looks like one gets an apostrophe in front. */
const toCell = (value: string | number): string =>
  typeof value === "number" ? String(value) : quote(FORMULA.test(value) ? `'${value}` : value);

/** A CSV document by RFC 4180: CRLF after every line, quotes where they are needed. */
export const toCsv = (rows: readonly (readonly (string | number)[])[]): string =>
  rows.map((row) => `${row.map(toCell).join(",")}\r\n`).join("");
