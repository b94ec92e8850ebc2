import { describeCron } from "../core/describe-cron.ts";
import { previewSlots } from "../core/slots.ts";
import type { Schedule } from "../db/reads/schedules.ts";
import { toWireSchedule } from "./wire.ts";

const NEXT_SLOTS = 5;

/** One schedule as the API shows it: with its rule in words, and the slots to come. */
export const wholeSchedule = async <Wire extends object = ReturnType<typeof toWireSchedule>>(
  schedule: Schedule,
  wire?: Wire,
) => ({
  ...(wire ?? toWireSchedule(schedule)),
  description: await describeCron(schedule.cron),
  next_slots: schedule.paused ? [] : previewSlots(schedule, NEXT_SLOTS).map((slot) => slot.toISOString()),
});
