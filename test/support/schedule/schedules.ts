import { SCHEDULE_DEFAULTS, type ScheduleDefinition } from "../../../lib/core/schedule.ts";
import { fireSchedules } from "../../../lib/queue/schedule/fire-schedules.ts";
import { setup, type SetupOptions } from "../queue.ts";

/** Every minute, a job of type `plain`. */
export const everyMinute = (over: Partial<ScheduleDefinition> = {}): ScheduleDefinition => ({
  ...SCHEDULE_DEFAULTS,
  name: "every_minute",
  cron: "* * * * *",
  type: "plain",
  payload: { n: 7 },
  ...over,
});

/** A queue whose clock begins at a whole hour, far from any midnight. */
export const setupSchedules = async (options: SetupOptions = {}) => {
  const s = await setup(options);
  const noon = new Date(s.at(0));
  noon.setUTCHours(12, 0, 0, 0);
  const offset = (noon.getTime() - s.at(0).getTime()) / 1000;
  const minute = (minutes: number): Date => s.at(offset + minutes * 60);
  const moveTo = (minutes: number): Date => s.moveTo(offset + minutes * 60);
  moveTo(0);
  const slots = async (name = "every_minute"): Promise<number[]> => {
    const rows = await s.db.query<{ slot: string }>(
      `select metadata ->> 'slot_at' as slot from forgeq.job where metadata ->> 'schedule' = $1 order by run_at`,
      [name],
    );
    return rows.map(({ slot }) => (Date.parse(slot) - minute(0).getTime()) / 60_000);
  };
  return { ...s, minute, moveTo, slots, fire: () => fireSchedules(s.deps, () => false) };
};
