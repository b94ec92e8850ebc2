import { createHash } from "node:crypto";
import { cronRule } from "./cron.ts";
import type { CatchUp, SlotRule } from "./schedule.ts";

/** A slot that is no later than this is on time, whatever the catch-up policy: ticks come once a minute, and not always. */
export const ON_TIME_SECONDS = 300;

/** The first slot strictly after an instant; null when none is left. @throws {ForgeqError} `invalid_schedule` */
export const nextSlot = (rule: SlotRule, after: Date): Date | null => {
  const { startsAt, endsAt } = rule;
  const from = startsAt !== null && startsAt > after ? new Date(startsAt.getTime() - 1) : after;
  const slot = cronRule(rule.cron, rule.timezone).nextAfter(from);
  return slot === null || (endsAt !== null && slot > endsAt) ? null : slot;
};

/** The first slots after `after` and until `to`, at most `limit`. */
export const slotsBetween = (rule: SlotRule, after: Date, to: Date, limit = Infinity): Date[] => {
  const slots: Date[] = [];
  for (
    let slot = nextSlot(rule, after);
    slot !== null && slot <= to && slots.length < limit;
    slot = nextSlot(rule, slot)
  )
    slots.push(slot);
  return slots;
};

/** The newest slots after `after` and until `to`, at most `limit`: goes back in windows that double, so a dense rule is not walked whole. */
const newestSlots = (rule: SlotRule, after: Date, to: Date, limit: number): Date[] => {
  for (let windowMs = 60_000 * limit; ; windowMs *= 2) {
    const from = new Date(Math.max(after.getTime(), to.getTime() - windowMs));
    const slots = slotsBetween(rule, from, to);
    if (slots.length >= limit || from <= after) return slots.slice(-limit);
  }
};

export interface Due {
  /** Oldest first. */
  readonly slots: readonly Date[];
  readonly next: Date | null;
}

/**
 * The slots in (decidedUntil, now] that fire now. Those of the last five minutes all do; older ones were missed, and the
 * catch-up policy says which of them fire: `skip` none, `last` the newest if nothing newer fires, `all` the newest `limit`.
 */
export const dueSlots = (
  schedule: SlotRule & { readonly catchUp: CatchUp; readonly catchUpLimit: number },
  decidedUntil: Date,
  now: Date,
): Due => {
  const missedUntil = new Date(now.getTime() - ON_TIME_SECONDS * 1000 - 1);
  const onTime = slotsBetween(schedule, missedUntil > decidedUntil ? missedUntil : decidedUntil, now);
  const limit = { skip: 0, last: onTime.length === 0 ? 1 : 0, all: schedule.catchUpLimit }[schedule.catchUp];
  const missed =
    limit === 0 || missedUntil <= decidedUntil ? [] : newestSlots(schedule, decidedUntil, missedUntil, limit);
  return { slots: [...missed, ...onTime], next: nextSlot(schedule, now > decidedUntil ? now : decidedUntil) };
};

/** When a slot's job is due: up to `jitterSeconds` later, always the same for the same slot. */
export const slotRunAt = (scheduleId: string, slot: Date, jitterSeconds: number): Date => {
  const part = createHash("sha256").update(`jitter ${scheduleId} ${slot.getTime()}`).digest().readUInt32BE() / 2 ** 32;
  return new Date(slot.getTime() + Math.floor(part * jitterSeconds * 1000));
};

const LAST_INSTANT = new Date("9999-12-31T00:00:00Z");

/** The next slots after a schedule's decided ones, or of a rule from now on. @param count - 1 to 100 */
export const previewSlots = (schedule: SlotRule & { readonly decidedUntil: Date }, count: number): Date[] =>
  slotsBetween(schedule, schedule.decidedUntil, LAST_INSTANT, count);
