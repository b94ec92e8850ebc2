import { ForgeqError } from "../../core/errors.ts";

type Parse = (text: string) => unknown;

const EARLIEST_MS = Date.parse("0000-01-01T00:00:00.000Z");
const LATEST_MS = Date.parse("9999-12-31T23:59:59.999Z");
const ISO = /^(\d{4,})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?([+-]\d\d)(?::(\d\d))?(?::(\d\d))?( BC)?$/;

const parseTime = (text: string): number => {
  if (text === "infinity") return LATEST_MS;
  if (text === "-infinity") return EARLIEST_MS;
  const [, year, month, day, hour, minute, second, fraction = "", zone, zoneMinutes = "0", zoneSeconds = "0", before] =
    ISO.exec(text) ?? [];
  if (zone === undefined)
    throw new ForgeqError(
      "internal",
      "the database writes instants as its setting DateStyle says, which has to be ISO",
    );
  const ms = Number(fraction.padEnd(3, "0").slice(0, 3));
  const date = new Date(0);
  date.setUTCFullYear(before === undefined ? Number(year) : 1 - Number(year), Number(month) - 1, Number(day));
  date.setUTCHours(Number(hour), Number(minute), Number(second), ms);
  const offset = Math.abs(Number(zone)) * 3600 + Number(zoneMinutes) * 60 + Number(zoneSeconds);
  return date.getTime() - (zone.startsWith("-") ? -offset : offset) * 1000;
};

/**
 * An instant within the years that RFC 3339 can write. Postgres also holds infinities and years that JavaScript can't: one such row, written
 * by hand, would break every list that shows it.
 */
const parseInstant = (text: string): Date => within(parseTime(text));

const within = (ms: number): Date =>
  new Date(Number.isNaN(ms) ? LATEST_MS : Math.min(Math.max(ms, EARLIEST_MS), LATEST_MS));

/** The same of what Postgres writes into JSON. */
export const instantOfJson = (text: string): Date => within(text === "-infinity" ? EARLIEST_MS : Date.parse(text));

const ELEMENT = /(?:"((?:[^"\\]|\\.)*)"|([^,{}"]+))(?=[,}])/gs;

/** An array of one dimension. */
const parseArray =
  (parse: Parse): Parse =>
  (text) =>
    Array.from(text.matchAll(ELEMENT), ([, quoted, bare = ""]) => {
      if (quoted !== undefined) return parse(quoted.replace(/\\(.)/gs, "$1"));
      return bare === "NULL" ? null : parse(bare);
    });

const asText: Parse = (text) => text;
const parseBool: Parse = (text) => text === "t";
const parseJson: Parse = (text) => JSON.parse(text) as unknown;
const parseBytes: Parse = (text) => Buffer.from(text.slice(2), "hex");

/** By the numbers of Postgres' types, which never change. What is not here, int8 and numeric above all, stays text. */
const PARSERS = new Map<number, Parse>([
  [16, parseBool],
  [17, parseBytes],
  [21, Number],
  [23, Number],
  [26, Number],
  [114, parseJson],
  [700, Number],
  [701, Number],
  [1184, parseInstant],
  [3802, parseJson],
  [1000, parseArray(parseBool)],
  [1005, parseArray(Number)],
  [1007, parseArray(Number)],
  [1009, parseArray(asText)],
  [1015, parseArray(asText)],
  [1016, parseArray(asText)],
  [1022, parseArray(Number)],
  [1028, parseArray(Number)],
  [1185, parseArray(parseInstant)],
  [2951, parseArray(asText)],
  [3807, parseArray(parseJson)],
]);

/**
 * How both drivers read the columns of ForgeQ's own statements. It is not the driver's own table, because that is one for the whole
 * process: an application that reads instants or JSON its own way would change what ForgeQ reads.
 */
export const columnTypes = {
  getTypeParser: (type: number): Parse => PARSERS.get(type) ?? asText,
};
