import { ForgeqError } from "./errors.ts";

/** A zone's clock is set to another offset from UTC at this instant. */
export interface OffsetChange {
  readonly atMs: number;
  readonly beforeMs: number;
  readonly afterMs: number;
}

export interface Zone {
  /** Milliseconds that the zone's clock is ahead of UTC. */
  offsetAt(atMs: number): number;
  /** The first change in (fromMs, toMs]; null for none. */
  firstChange(fromMs: number, toMs: number): OffsetChange | null;
}

const DAY_MS = 86_400_000;
const OFFSET = /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/;

const formatOf = (name: string): Intl.DateTimeFormat => {
  try {
    return new Intl.DateTimeFormat("en-US", { timeZone: name, timeZoneName: "longOffset" });
  } catch (cause) {
    const message = `there is no time zone ${JSON.stringify(name)}; it is a name of the IANA database, as Europe/Berlin`;
    const errors = [{ pointer: "/timezone", message: "is not a time zone of the IANA database" }];
    throw new ForgeqError("invalid_schedule", message, { errors }, { cause });
  }
};

const createZone = (name: string): Zone => {
  const format = formatOf(name);
  const offsetAt = (atMs: number): number => {
    const [, sign, hours = "0", minutes = "0", seconds = "0"] = OFFSET.exec(format.format(atMs)) ?? [];
    const offsetMs = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
    return sign === "-" ? -offsetMs : offsetMs;
  };

  /** The second at which the offset changes between two instants that have different ones. */
  const bisect = (fromMs: number, toMs: number): OffsetChange => {
    const beforeMs = offsetAt(fromMs);
    let [low, high] = [fromMs, toMs];
    while (high - low > 1000) {
      const middle = low + Math.floor((high - low) / 2000) * 1000;
      if (offsetAt(middle) === beforeMs) low = middle;
      else high = middle;
    }
    return { atMs: high, beforeMs, afterMs: offsetAt(high) };
  };

  const years = new Map<number, readonly OffsetChange[]>();
  const changesOf = (year: number): readonly OffsetChange[] => {
    const known = years.get(year);
    if (known !== undefined) return known;
    const changes: OffsetChange[] = [];
    const endMs = Date.UTC(year + 1, 0, 1);
    let before = offsetAt(Date.UTC(year, 0, 1));
    // A day apart: no zone changes its clock and changes it back within a day.
    for (let dayMs = Date.UTC(year, 0, 1); dayMs < endMs; dayMs += DAY_MS) {
      const after = offsetAt(dayMs + DAY_MS);
      if (after !== before) changes.push(bisect(dayMs, dayMs + DAY_MS));
      before = after;
    }
    years.set(year, changes);
    return changes;
  };

  return {
    offsetAt,
    firstChange: (fromMs, toMs) => {
      const lastYear = new Date(toMs).getUTCFullYear();
      for (let year = new Date(fromMs).getUTCFullYear(); year <= lastYear; year += 1) {
        const found = changesOf(year).find(({ atMs }) => atMs > fromMs && atMs <= toMs);
        if (found !== undefined) return found;
      }
      return null;
    },
  };
};

const zones = new Map<string, Zone>();

/**
 * A time zone of the IANA database, as this Node's Intl knows it.
 *
 * @throws {ForgeqError} `invalid_schedule`
 */
export const zoneOf = (name: string): Zone => {
  const known = zones.get(name);
  if (known !== undefined) return known;
  const zone = createZone(name);
  zones.set(name, zone);
  return zone;
};
