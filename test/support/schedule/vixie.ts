/**
 * Vixie cron, written anew for comparison: a daemon that wakes every minute and compares the wall clock with where it has
 * come. Shares no code with lib/core/cron.ts: its own fields, its own calendar, a walk minute by minute.
 */

const MINUTE_MS = 60_000;
const LONGEST_SHIFT_MINUTES = 180;

interface Field {
  readonly star: boolean;
  readonly has: (value: number) => boolean;
}

const RANGES = [
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  [0, 7],
] as const;

const parseField = (text: string, [low, high]: readonly [number, number]): Field => {
  const values = new Set<number>();
  for (const part of text.split(",")) {
    const [range = "", step = "1"] = part.split("/");
    const [from = "", to] = range.split("-");
    const first = range === "*" ? low : Number(from);
    const last = range === "*" ? high : to === undefined ? first : Number(to);
    for (let value = first; value <= last; value += Number(step)) values.add(value);
  }
  return { star: text.startsWith("*"), has: (value) => values.has(value) };
};

export interface VixieEntry {
  readonly wild: boolean;
  readonly matches: (wallMinute: number) => boolean;
}

/** Five fields of numbers, ranges, lists and steps. A wall minute counts from 1970 by the wall clock. */
export const vixieEntry = (cron: string): VixieEntry => {
  const [minute, hour, day, month, weekday] = cron.split(" ").map((text, index) => parseField(text, RANGES[index]!));
  return {
    wild: minute!.star || hour!.star,
    matches: (wallMinute) => {
      if (!minute!.has(((wallMinute % 60) + 60) % 60)) return false;
      const date = new Date(wallMinute * MINUTE_MS);
      if (!hour!.has(date.getUTCHours()) || !month!.has(date.getUTCMonth() + 1)) return false;
      const onDay = day!.has(date.getUTCDate());
      const onWeekday = weekday!.has(date.getUTCDay()) || (date.getUTCDay() === 0 && weekday!.has(7));
      return day!.star || weekday!.star ? onDay && onWeekday : onDay || onWeekday;
    },
  };
};

/** What the wall clock shows at each minute, asked of Intl: each hour, and each minute of an hour in which it was set. */
export const wallMinutes = function* (timezone: string, fromMs: number, toMs: number): Generator<[number, number]> {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: timezone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
  });
  const wallOf = (atMs: number): number => {
    const part = Object.fromEntries(format.formatToParts(atMs).map(({ type, value }) => [type, Number(value)]));
    return Date.UTC(part["year"]!, part["month"]! - 1, part["day"], part["hour"], part["minute"]) / MINUTE_MS;
  };
  for (let hourMs = fromMs, wall = wallOf(fromMs); hourMs < toMs; hourMs += 60 * MINUTE_MS) {
    const nextWall = wallOf(hourMs + 60 * MINUTE_MS);
    for (let minute = 0; minute < 60; minute += 1) {
      const atMs = hourMs + minute * MINUTE_MS;
      yield [atMs, nextWall - wall === 60 ? wall + minute : wallOf(atMs)];
    }
    wall = nextWall;
  }
};

/** The instants, in milliseconds, at which the daemon starts each entry; several starts at one instant are one. */
export const walkVixie = (
  entries: readonly VixieEntry[],
  timezone: string,
  fromMs: number,
  toMs: number,
): number[][] => {
  const starts = entries.map((): number[] => []);
  let virtual: number | null = null;
  for (const [atMs, wall] of wallMinutes(timezone, fromMs, toMs)) {
    const behind: number = virtual === null ? 1 : wall - virtual;
    const huge = Math.abs(behind - 1) > LONGEST_SHIFT_MINUTES;
    entries.forEach((entry, index) => {
      let due = false;
      if (entry.wild || huge) due = entry.matches(wall);
      else for (let minute = wall - behind + 1; minute <= wall; minute += 1) due ||= entry.matches(minute);
      if (due) starts[index]!.push(atMs);
    });
    virtual = huge ? wall : Math.max(virtual ?? wall, wall);
  }
  return starts;
};

/** Whatever clocks have done: half hours, midnights, an hour back in Ramadan, two hours in one step, a lost day (Apia, 2011). */
export const ZONES = [
  "UTC",
  "Europe/Berlin",
  "America/New_York",
  "America/Sao_Paulo",
  "America/Santiago",
  "America/St_Johns",
  "Africa/Casablanca",
  "Africa/Cairo",
  "Asia/Tehran",
  "Australia/Lord_Howe",
  "Pacific/Apia",
  "Antarctica/Troll",
] as const;

export const RULES = [
  "*/20 * * * *",
  "15 * * * *",
  "30 */2 * * *",
  "*/7 1,2,3 * * *",
  "30 2 * * *",
  "0,30 0,1,2,3 * * *",
  "7,52 0-4 * * *",
  "0 0 * * *",
  "45 23 28-31 * 1",
  "5 3 1 */3 *",
] as const;

/** The days, in milliseconds, before or in which a zone's clock is set. */
export const daysOfChange = (timezone: string, fromMs: number, toMs: number): number[] => {
  const format = new Intl.DateTimeFormat("en-US", { timeZone: timezone, timeZoneName: "longOffset" });
  const offset = (atMs: number) => format.format(atMs).split(", ")[1];
  const days: number[] = [];
  for (let dayMs = fromMs; dayMs < toMs; dayMs += 86_400_000)
    if (offset(dayMs) !== offset(dayMs + 86_400_000)) days.push(dayMs);
  return days;
};

/** The first slot that differs between two lists, in words; null when they are the same. */
export const firstDifference = (slots: readonly number[], wanted: readonly number[]): string | null => {
  const show = (atMs: number | undefined) => (atMs === undefined ? "nothing" : new Date(atMs).toISOString());
  const index = Array.from({ length: Math.max(slots.length, wanted.length) }).findIndex(
    (_, n) => slots[n] !== wanted[n],
  );
  return index === -1 ? null : `${show(slots[index])} instead of ${show(wanted[index])}`;
};
