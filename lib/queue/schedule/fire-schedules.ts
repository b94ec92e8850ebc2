import { idOf } from "../../core/id-of.ts";
import { dueSlots, slotRunAt } from "../../core/slots.ts";
import { type DuePosition, type DueSchedule, dueSchedules, type Fire, fireSlots } from "../../db/reads/schedules.ts";
import type { Deps } from "../deps.ts";
import { wakeDispatcher } from "../wake/wake-dispatcher.ts";
import { reasonOf } from "../../core/reason.ts";

const SCHEDULES_PER_CALL = 200;

export interface FireReport {
  readonly schedules: number;
  readonly jobs: number;
  /** Schedules that stay where they are: their jobs were refused, or their rule can't be read. */
  readonly refused: number;
  /** Time was up before all that were due had been looked at. */
  readonly more: boolean;
}

/** What a schedule's due slots come to, from where it stands. */
export const fireOf = (schedule: DueSchedule): Fire => {
  const { slots, next } = dueSlots(schedule, schedule.decidedUntil, schedule.now);
  return {
    name: schedule.name,
    revision: schedule.revision,
    decidedUntil: schedule.decidedUntil,
    slots: slots.map((slot) => ({
      slotAt: slot,
      // Always the same: a slot that is fired twice is one job.
      jobId: idOf(schedule.id, slot),
      runAt: slotRunAt(schedule.id, slot, schedule.jitterSeconds),
    })),
    // A clock that went back takes nothing back.
    until: schedule.now > schedule.decidedUntil ? schedule.now : schedule.decidedUntil,
    nextSlotAt: next,
  };
};

/**
 * Enqueues the jobs of all slots that are due, each once, and wakes the dispatcher for them. Any number may run concurrently; a schedule
 * that can't be fired holds up no other one, and stays as it is for the next tick.
 */
export const fireSchedules = async (deps: Deps, outOfTime: () => boolean): Promise<FireReport> => {
  const report = { schedules: 0, jobs: 0, refused: 0, more: true };
  // Whatever becomes of a schedule now, the next tick tries again.
  for (let after: DuePosition | null = null; report.more && !outOfTime();) {
    const due: Awaited<ReturnType<typeof dueSchedules>> = await dueSchedules(
      deps.db,
      SCHEDULES_PER_CALL,
      after,
      deps.clock(),
      deps.config.owner ?? null,
    );
    after = due.next;
    report.more = after !== null;
    const fires = due.schedules.flatMap((schedule) => {
      try {
        return [fireOf(schedule)];
      } catch (error) {
        deps.logger.error("a schedule's rule can't be read", { schedule: schedule.name, reason: reasonOf(error) });
        report.refused += 1;
        return [];
      }
    });
    if (fires.length > 0) {
      const fired = await fireSlots(deps.db, fires, deps.clock());
      for (const { name, outcome, reason } of fired) {
        if (outcome === "refused") {
          report.refused += 1;
          deps.logger.warn("a schedule's jobs were refused; the next tick tries again", { schedule: name, reason });
        }
        if (outcome === "fired") report.schedules += 1;
      }
      const dueSeconds = fired.flatMap((each) => each.dueSeconds ?? []);
      const jobs = fired.reduce((sum, each) => sum + each.jobs, 0);
      report.jobs += jobs;
      if (jobs > 0) deps.metrics.count("SlotsFired", jobs);
      await wakeDispatcher(deps, dueSeconds.length === 0 ? null : Math.min(...dueSeconds));
    }
  }
  return report;
};
