import { Cron } from "croner";
import { ForgeqError } from "./errors.ts";
import { zoneOf } from "./zone.ts";

export interface CronRule {
  /** The first slot strictly after an instant; null when there is none. Slots are whole seconds. */
  nextAfter(after: Date): Date | null;
}

const SECOND_MS = 1000;
/** Vixie cron takes a larger change of the clock for a correction, and just follows it. */
const LONGEST_SHIFT_MS = 3 * 3_600_000;
const MAX_CRON_CHARACTERS = 200;
const NICKNAMES = ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];

const refuse = (cron: string, reason: string, cause?: unknown): never => {
  const errors = [{ pointer: "/cron", message: reason }];
  throw new ForgeqError("invalid_schedule", `the cron rule ${JSON.stringify(cron)} ${reason}`, { errors }, { cause });
};

/** croner knows the calendar; it is only asked about a clock that is never set, so that the rule for zones is all here. */
const calendarOf = (cron: string): Cron => {
  const fields = cron.trim().split(/\s+/);
  const nickname = fields.length === 1 && NICKNAMES.includes(cron.trim().toLowerCase());
  if (cron.length > MAX_CRON_CHARACTERS || (!nickname && fields.length !== 5 && fields.length !== 6))
    return refuse(cron, `must have five or six fields, or be one of ${NICKNAMES.join(", ")}`);
  try {
    return new Cron(cron.trim(), { mode: "5-or-6-parts", paused: true, utcOffset: 0 });
  } catch (cause) {
    return refuse(cron, `can't be read: ${String((cause as Error).message).replace(/^CronPattern: /, "")}`, cause);
  }
};

/** As Vixie cron has it: minutes or hours that begin with a wildcard follow the clock, everything else names times of day. */
const isWildcard = (cron: string): boolean => {
  const fields = cron.trim().split(/\s+/);
  if (fields.length === 1) return cron.trim().toLowerCase() === "@hourly";
  return fields.slice(-5, -3).some((field) => field.startsWith("*") || field.startsWith("?"));
};

/**
 * A cron rule in a time zone. When the zone's clock is set, it does as Vixie cron:
 *
 * - a rule whose minutes or hours begin with `*` goes by the clock as it comes: nothing in a skipped hour, all of a repeated one;
 * - any other rule names times of day: those of a skipped hour come once, right after it; those of a repeated hour come at its
 *   first pass only. Changes of more than three hours (a moved date line) are just followed.
 *
 * @param cron - five fields, or six with seconds first, or `@daily` and the like; day of month or day of week when both are given
 * @param timezone - a name of the IANA database
 * @throws {ForgeqError} `invalid_schedule` with a pointer to `/cron` or `/timezone`
 */
export const cronRule = (cron: string, timezone: string): CronRule => {
  const calendar = calendarOf(cron);
  const zone = zoneOf(timezone);
  const wildcard = isWildcard(cron);

  /** What the clock shows at the first time that a stretch between two changes has of its own. */
  const firstWall = (startMs: number, beforeMs: number, offsetMs: number): number =>
    startMs + (wildcard || Math.abs(offsetMs - beforeMs) > LONGEST_SHIFT_MS ? offsetMs : beforeMs);

  return {
    nextAfter: (after) => {
      const afterMs = Math.floor(after.getTime() / SECOND_MS) * SECOND_MS;
      const recent = lastChange(timezone, afterMs);
      let startMs = recent?.atMs ?? -Infinity;
      let offsetMs = recent?.afterMs ?? zone.offsetAt(afterMs);
      let beforeMs = recent?.beforeMs ?? offsetMs;
      for (;;) {
        const firstMs = firstWall(startMs, beforeMs, offsetMs) - SECOND_MS;
        const fromWall = afterMs < startMs ? firstMs : Math.max(firstMs, afterMs + offsetMs);
        const wall = calendar.nextRun(new Date(fromWall));
        if (wall === null) return null;
        const atMs = Math.max(wall.getTime() - offsetMs, startMs);
        const change = zone.firstChange(Math.max(startMs, afterMs), atMs);
        if (change === null) return new Date(atMs);
        startMs = change.atMs;
        beforeMs = change.beforeMs;
        offsetMs = change.afterMs;
      }
    },
  };
};

/** The newest change that can still matter to what comes after an instant. */
const lastChange = (timezone: string, atMs: number) => {
  const zone = zoneOf(timezone);
  let last = null;
  for (let fromMs = atMs - LONGEST_SHIFT_MS; ;) {
    const change = zone.firstChange(fromMs, atMs);
    if (change === null) return last;
    last = change;
    fromMs = change.atMs;
  }
};
