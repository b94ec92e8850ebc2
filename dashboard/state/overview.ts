/** What the overview says: whether anything is wrong, and until when nothing can change. */
import { count, duration, plural } from "./format.ts";
import type { Overview, Queue } from "./wire.ts";

export interface Verdict {
  readonly tone: "good" | "warn" | "bad";
  readonly text: string;
}

const LATE_MS = 60_000;
const VERY_LATE_MS = 5 * 60_000;
const NO_TICK_MS = 3 * 60_000;
const RECENT_POINTS = 10;

const ofQueue = ({ name, paused, in_flight, max_in_flight, oldest_pending_age_seconds, jobs }: Queue): Verdict[] => {
  const ageMs = (oldest_pending_age_seconds ?? 0) * 1_000;
  if (paused && jobs.pending > 0)
    return [{ tone: "warn", text: `${name} is paused, ${plural(jobs.pending, "job waits", "jobs wait")}` }];
  if (ageMs <= LATE_MS) return [];
  const full = max_in_flight !== null && in_flight >= max_in_flight ? `, at its limit of ${count(max_in_flight)}` : "";
  return [{ tone: ageMs > VERY_LATE_MS ? "bad" : "warn", text: `${name} is ${duration(ageMs)} behind${full}` }];
};

const ofTick = ({ wake, at, last_tick_at }: Overview): Verdict[] => {
  if (wake !== "always" || last_tick_at === null) return [];
  const ageMs = Date.parse(at) - Date.parse(last_tick_at);
  return ageMs > NO_TICK_MS
    ? [{ tone: "bad", text: `No tick for ${duration(ageMs)}: schedules, retries and recovery stand still` }]
    : [];
};

const ofDeaths = ({ points, errors }: Overview): Verdict[] => {
  const dead = points.slice(-RECENT_POINTS).reduce((sum, point) => sum + point.dead, 0);
  if (dead === 0) return [];
  const [worst] = errors.data.filter((group) => group.dead > 0);
  const why = worst === undefined ? "" : `, most by ${worst.name}`;
  return [{ tone: "bad", text: `${plural(dead, "job")} died in the last 10 minutes${why}` }];
};

/** What is wrong, in words, the worst first; when nothing is, that. */
export const verdictsOf = (overview: Overview): readonly Verdict[] => {
  const all = [...ofTick(overview), ...ofDeaths(overview), ...overview.queues.flatMap(ofQueue)];
  const worstFirst = [...all.filter(({ tone }) => tone === "bad"), ...all.filter(({ tone }) => tone === "warn")];
  return worstFirst.length > 0 ? worstFirst : [{ tone: "good", text: "All queues keep up" }];
};

/**
 * Until when nothing can change by itself: in the wake mode `armed`, with nothing in flight and nothing that could be taken.
 *
 * @returns `Infinity` when nothing is planned, null when something may change any time
 */
export const quietUntilMs = ({ wake, totals, queues, queues_left_out, next_event_at }: Overview): number | null => {
  const waits =
    queues_left_out > 0 ? totals.pending > 0 : queues.some((queue) => !queue.paused && queue.jobs.pending > 0);
  if (wake !== "armed" || totals.in_flight > 0 || waits) return null;
  return next_event_at === null ? Infinity : Date.parse(next_event_at);
};

/** What tells whether anything has happened: neither the time nor what follows from it alone. */
export const essenceOf = ({ totals, queues, errors, next_event_at }: Overview): unknown => [
  { ...totals, oldest_pending_age_seconds: 0 },
  queues.map(({ name, paused, jobs, in_flight }) => [name, paused, jobs, in_flight]),
  errors.data.map(({ fingerprint, attempts }) => [fingerprint, attempts]),
  next_event_at,
];
