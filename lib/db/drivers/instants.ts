const EARLIEST_MS = Date.parse("0000-01-01T00:00:00.000Z");
const LATEST_MS = Date.parse("9999-12-31T23:59:59.999Z");

/** The type timestamptz. */
const TIMESTAMPTZ = 1184;

/**
 * An instant that a driver has read, within the years that RFC 3339 can write. Postgres also holds infinities and years that JavaScript
 * can't: a driver gives numbers and invalid dates for them, and one such row, written by hand, would break every list that shows it.
 */
export const toInstant = (read: unknown): Date => {
  const ms = read instanceof Date ? read.getTime() : Number(read ?? NaN);
  if (Number.isNaN(ms)) return new Date(LATEST_MS);
  if (ms < EARLIEST_MS || ms > LATEST_MS) return new Date(Math.min(Math.max(ms, EARLIEST_MS), LATEST_MS));
  return read as Date;
};

type Parse = (text: string) => unknown;
type GetTypeParser = (type: number, format?: "text" | "binary") => unknown;

/** A driver's parsers of column values, with instants as `toInstant` gives them. They are not set for the whole process: a caller may use the driver, too. */
export const withInstants = (getTypeParser: GetTypeParser) => ({
  getTypeParser: (type: number, format: "text" | "binary" = "text"): Parse => {
    const parse = getTypeParser(type, format) as Parse;
    return type === TIMESTAMPTZ ? (text) => toInstant(parse(text)) : parse;
  },
});
