/** Numbers, durations and instants as text. */
import { zone } from "./preferences.ts";

const WHOLE = new Intl.NumberFormat("en");
const COMPACT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

export const count = (n: number): string => WHOLE.format(n);

/** Short above ten thousand: 75.2K. */
export const compact = (n: number): string => (n < 10_000 ? WHOLE.format(Math.round(n)) : COMPACT.format(n));

export const plural = (n: number, one: string, many = `${one}s`): string => `${count(n)} ${n === 1 ? one : many}`;

/** `4 min 12 s`, and `4 min` where the smaller one is 0. */
const twoUnits = (n: number, unit: string, more: number, smaller: string): string =>
  more === 0 ? `${n} ${unit}` : `${n} ${unit} ${more} ${smaller}`;

/** Two units at most: `4 min 12 s`. Never negative: clocks differ. */
export const duration = (ms: number): string => {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  const seconds = ms / 1_000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 600) return twoUnits(Math.floor(seconds / 60), "min", Math.floor(seconds % 60), "s");
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return twoUnits(Math.floor(seconds / 3_600), "h", Math.floor((seconds % 3_600) / 60), "min");
  return twoUnits(Math.floor(seconds / 86_400), "d", Math.floor((seconds % 86_400) / 3_600), "h");
};

const NOW_MS = 1_500;

/** `4 min ago`, `in 3 s`, `now`. */
export const relative = (atMs: number, nowMs: number): string => {
  const ms = nowMs - atMs;
  if (Math.abs(ms) < NOW_MS) return "now";
  const seconds = Math.round(Math.abs(ms) / 1_000) * 1_000;
  const text = duration(seconds < 10_000 ? seconds : Math.abs(ms)).replace(".0 s", " s");
  return ms < 0 ? `in ${text}` : `${text} ago`;
};

const formats = new Map<string, Intl.DateTimeFormat>();

const formatted = (
  at: number,
  options: Intl.DateTimeFormatOptions,
  timeZone = zone.value === "utc" ? "UTC" : undefined,
) => {
  const key = JSON.stringify([options, timeZone]);
  const format = formats.get(key) ?? new Intl.DateTimeFormat("en-GB", { ...options, timeZone });
  formats.set(key, format);
  return format.format(at);
};

/** An instant in full, in the zone of the settings or in one that is given. */
export const instant = (at: string | number, timeZone?: string): string =>
  formatted(typeof at === "string" ? Date.parse(at) : at, { dateStyle: "medium", timeStyle: "medium" }, timeZone) +
  (timeZone === undefined && zone.value === "utc" ? " UTC" : "");

export const clock = (ms: number): string => formatted(ms, { hour: "2-digit", minute: "2-digit" });
export const day = (ms: number): string => formatted(ms, { day: "numeric", month: "short" });

const HALF_DAY_MS = 43_200_000;

/** `14:02`, with the day when that is half a day ago or longer. */
export const moment = (ms: number, nowMs: number): string =>
  nowMs - ms < HALF_DAY_MS ? clock(ms) : `${day(ms)} ${clock(ms)}`;

export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** The end of an id tells more than its beginning, which is the time. */
export const shortId = (id: string): string => id.slice(-12);
