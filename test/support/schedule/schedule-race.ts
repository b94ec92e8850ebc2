/** Racing schedulers over years of virtual time, through the real use case and real SQL, against what a walk of the clock says. */
import { CATCH_UPS, SCHEDULE_DEFAULTS, type ScheduleDefinition } from "../../../lib/core/schedule.ts";
import { fireSchedules } from "../../../lib/queue/schedule/fire-schedules.ts";
import { createSchedule } from "../../../lib/queue/schedule/manage-schedules.ts";
import { setup } from "../queue.ts";
import { firstDifference, vixieEntry, walkVixie, ZONES } from "./vixie.ts";

const SECOND_MS = 1000;
const HOUR_MS = 3_600_000;
const ON_TIME_MS = 300_000;
const RACERS = 5;

/** Few slots a day each, and many of them where clocks are set. */
const RULES = [
  "30 2 * * *",
  "0 0 * * *",
  "0,30 1,2,3 * * 0,6",
  "15 */12 * * *",
  "45 23 28-31 * 1",
  "5 3 1 */3 *",
  "0 1 * * 1-5",
  "20 2,3 * * 0",
];

/** Forty schedules: every rule in many zones, with every catch-up policy. */
export const raceSchedules = (): ScheduleDefinition[] =>
  Array.from({ length: 40 }, (_, n) => ({
    ...SCHEDULE_DEFAULTS,
    name: `schedule_${n}`,
    cron: RULES[n % RULES.length]!,
    timezone: ZONES[(n * 5 + Math.floor(n / 12)) % ZONES.length]!,
    type: "plain",
    catchUp: CATCH_UPS[n % 3]!,
    catchUpLimit: 3,
  }));

/** Deterministic: a failing run can be repeated. */
const randomFrom = (seed: number) => () => {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
  return seed / 2 ** 32;
};

/** When schedulers run: soon after a slot, seldom hours late, each perhaps a few seconds after the other. */
const ticksOf = (slots: readonly number[], random: () => number): number[] => {
  const ticks: number[] = [];
  let lostUntilMs = 0;
  for (const slotMs of slots) {
    if (slotMs < lostUntilMs || (ticks.at(-1) ?? 0) >= slotMs) continue;
    if (random() < 0.01) lostUntilMs = slotMs + random() * 12 * HOUR_MS;
    else ticks.push(Math.max(lostUntilMs, slotMs) + Math.floor(random() * 90) * SECOND_MS);
  }
  return ticks;
};

/** What is fired of a schedule's slots when ticks come at these instants, by its policy. */
const firedOf = (schedule: ScheduleDefinition, slots: readonly number[], ticks: readonly number[]): number[] => {
  const fired: number[] = [];
  let index = 0;
  for (const tickMs of ticks) {
    const due: number[] = [];
    while (index < slots.length && slots[index]! <= tickMs) due.push(slots[index++]!);
    const onTime = due.filter((slotMs) => tickMs - slotMs <= ON_TIME_MS);
    const missed = due.slice(0, due.length - onTime.length);
    if (schedule.catchUp === "all") fired.push(...missed.slice(-schedule.catchUpLimit));
    if (schedule.catchUp === "last" && onTime.length === 0) fired.push(...missed.slice(-1));
    fired.push(...onTime);
  }
  return fired;
};

/** What was enqueued; taken away, as if it had run, so that the queue stays as short as in life. */
const TAKE_AWAY = `delete from forgeq.job
  returning metadata ->> 'schedule' as schedule, (extract(epoch from (metadata ->> 'slot_at')::timestamptz) * 1000)::float8 as slot`;
const TICKS_A_LOOK = 100;

/**
 * @returns the number of slots, and the first difference of each schedule in words
 */
export const raceSchedulers = async (fromMs: number, toMs: number, seed: number) => {
  const schedules = raceSchedules();
  const walked = new Map<string, number[]>();
  for (const zone of ZONES) {
    const mine = schedules.filter(({ timezone }) => timezone === zone);
    const starts = walkVixie(
      mine.map(({ cron }) => vixieEntry(cron)),
      zone,
      fromMs,
      toMs,
    );
    mine.forEach(({ name }, index) =>
      walked.set(
        name,
        starts[index]!.filter((slotMs) => slotMs > fromMs),
      ),
    );
  }
  const random = randomFrom(seed);
  const ticks = ticksOf(
    [...new Set([...walked.values()].flat())].sort((a, b) => a - b),
    random,
  );

  const { db, deps } = await setup();
  let nowMs = fromMs;
  const virtual = { ...deps, clock: () => new Date(nowMs) };
  for (const schedule of schedules) await createSchedule(virtual, schedule);
  const stored = new Map(schedules.map(({ name }) => [name, [] as number[]]));
  const takeAway = async () => {
    const rows = await db.query<{ schedule: string; slot: number }>(TAKE_AWAY);
    for (const { schedule, slot } of rows) stored.get(schedule)!.push(slot);
  };
  let jobs = 0;
  let looks = 0;
  for (nowMs of ticks) {
    // All at one instant, and some of them twice.
    const racers = Array.from({ length: RACERS + (random() < 0.1 ? RACERS : 0) }, () =>
      fireSchedules(virtual, () => false),
    );
    for (const report of await Promise.all(racers)) jobs += report.jobs;
    // A schedule that was busy for the one that came last is fired by a later tick, as on any minute.
    jobs += (await fireSchedules(virtual, () => false)).jobs;
    if (++looks % TICKS_A_LOOK === 0) await takeAway();
  }
  await takeAway();
  const differences = schedules.flatMap((schedule) => {
    const wanted = firedOf(schedule, walked.get(schedule.name)!, ticks);
    const difference = firstDifference(
      stored.get(schedule.name)!.sort((a, b) => a - b),
      wanted,
    );
    return difference === null ? [] : [`${schedule.name} ${schedule.cron} ${schedule.timezone}: ${difference}`];
  });
  const slots = [...walked.values()].reduce((sum, each) => sum + each.length, 0);
  return { slots, jobs, ticks: ticks.length, differences };
};
