/** What the overview says: what is wrong, since when and of which jobs, and until when nothing can change. */
import type { Params } from "./address.ts";
import { count, duration, plural } from "./format.ts";
import type { ErrorGroup, Overview, Queue } from "./wire.ts";

/** One thing that is wrong. */
export interface Problem {
  readonly tone: "warn" | "bad";
  /** What it is about: an error, a queue, the tick. */
  readonly subject: string;
  /** What is wrong with it, to be read after the subject without a space between. */
  readonly text: string;
  /** What the error says, or why a queue is paused. */
  readonly detail?: string;
  /** Since when, as far as the overview goes back; null: it can't be told. */
  readonly sinceMs: number | null;
  /** It was so already when the overview begins. */
  readonly orLonger: boolean;
  /** Where its jobs are. */
  readonly page: string;
  readonly params: Params;
  readonly linkText: string;
}

const LATE_MS = 60_000;
const VERY_LATE_MS = 5 * 60_000;
const NO_TICK_MS = 3 * 60_000;
const RECENT_MS = 10 * 60_000;
/** Errors that began so soon after the first minute that is shown may have begun before it. */
const EDGE_MS = 2 * 60_000;
export const FAILING_SHARE = 0.1;

const ofQueue = (queue: Queue, atMs: number): Problem[] => {
  const { name, paused, pause, in_flight, max_in_flight, oldest_pending_age_seconds, jobs } = queue;
  const ageMs = (oldest_pending_age_seconds ?? 0) * 1_000;
  const link = {
    ...{ subject: `Queue ${name}`, orLonger: false, page: "jobs", params: { state: "pending", q: `queue:${name}` } },
    linkText: `${count(jobs.pending)} pending`,
  };
  if (paused && jobs.pending > 0) {
    const since = pause?.since ?? null;
    const detail = pause?.reason ? { detail: pause.reason } : {};
    const sinceMs = since === null ? null : Date.parse(since);
    const text = ` is paused while ${plural(jobs.pending, "job")} ${jobs.pending === 1 ? "waits" : "wait"}`;
    return [{ ...link, ...detail, tone: "warn", text, sinceMs }];
  }
  if (ageMs <= LATE_MS) return [];
  const isFull = max_in_flight !== null && in_flight >= max_in_flight;
  const tone = ageMs > VERY_LATE_MS ? "bad" : "warn";
  // What holds a full queue up are the jobs that run.
  const full = {
    detail: `all its ${count(max_in_flight ?? 0)} slots are taken`,
    params: { state: "running", q: `queue:${name}` },
    linkText: `${count(in_flight)} running`,
  };
  return [{ ...link, ...(isFull && full), tone, text: ` is ${duration(ageMs)} behind`, sinceMs: atMs - ageMs }];
};

const ofTick = ({ wake, last_tick_at }: Overview, atMs: number): Problem[] => {
  if (wake !== "always" || last_tick_at === null) return [];
  const sinceMs = Date.parse(last_tick_at);
  if (atMs - sinceMs <= NO_TICK_MS) return [];
  const text = " does not come, so that schedules, retries and recovery stand still";
  const link = { orLonger: false, page: "running", params: {}, linkText: "Who works" };
  return [{ tone: "bad", subject: "The tick", text, sinceMs, ...link }];
};

const ofSchedule = ({ name, next_slot_at }: Overview["overdue_schedules"][number]): Problem => ({
  ...{ tone: "bad", subject: `Schedule ${name}`, text: " is overdue: it has not fired", orLonger: false },
  ...{ sinceMs: Date.parse(next_slot_at), page: "schedules", params: { schedule: name }, linkText: "The schedule" },
});

const ofError = ({ errors, points }: Overview, group: ErrorGroup): Problem => {
  const { name, message, example, dead, attempts, jobs, types, first_at, fingerprint } = group;
  const sinceMs = Date.parse(first_at);
  const beginsMs = Math.max(Date.parse(errors.since), Date.parse(points[0]?.at ?? errors.since));
  const [type = "", ...others] = types;
  const subject = others.length === 0 ? type : `${type} and ${plural(others.length, "other type")}`;
  const what = dead > 0 ? `: ${plural(dead, "job")} died` : `: ${plural(attempts, "attempt")} failed`;
  const said = example ?? message;
  return {
    ...{ tone: dead > 0 ? "bad" : "warn", subject, text: what, sinceMs },
    detail: said === null || said === "" ? name : `${name} ${said}`,
    orLonger: sinceMs - beginsMs < EDGE_MS,
    page: "jobs",
    params: { ...(dead > 0 && { state: "dead" }), q: `error:${fingerprint}` },
    linkText: dead > 0 ? plural(dead, "dead job") : plural(jobs, "job"),
  };
};

/** Errors of the last minutes: those that jobs died by, and the others where many attempts fail. */
const ofErrors = (overview: Overview, atMs: number): Problem[] => {
  const { errors, points, per_minute } = overview;
  const recent = errors.data.filter(({ last_at }) => atMs - Date.parse(last_at) < RECENT_MS);
  const { completed = 0, failed = 0 } = per_minute ?? {};
  const many = failed > FAILING_SHARE * (completed + failed);
  const shown = recent.filter(({ dead }) => dead > 0 || many).map((group) => ofError(overview, group));
  const dying = points.filter(({ at, dead }) => dead > 0 && atMs - Date.parse(at) < RECENT_MS);
  if (dying.length === 0 || shown.some(({ tone }) => tone === "bad")) return shown;
  const dead = dying.reduce((sum, point) => sum + point.dead, 0);
  const link = { orLonger: false, page: "jobs", params: { state: "dead" }, linkText: "The dead jobs" };
  const sinceMs = Date.parse(dying[0]!.at);
  return [{ tone: "bad", subject: "Dead", text: `: ${plural(dead, "job")} died`, sinceMs, ...link }, ...shown];
};

/** What is wrong, the worst first; nothing when nothing is. */
export const problemsOf = (overview: Overview): readonly Problem[] => {
  const atMs = Date.parse(overview.at);
  const queues = overview.queues.flatMap((queue) => ofQueue(queue, atMs));
  const overdue = overview.overdue_schedules.map(ofSchedule);
  const all = [...ofTick(overview, atMs), ...ofErrors(overview, atMs), ...queues, ...overdue];
  return [...all.filter(({ tone }) => tone === "bad"), ...all.filter(({ tone }) => tone === "warn")];
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
export const essenceOf = ({ totals, queues, errors, next_event_at, overdue_schedules }: Overview): unknown => [
  { ...totals, oldest_pending_age_seconds: 0 },
  queues.map(({ name, paused, jobs, in_flight }) => [name, paused, jobs, in_flight]),
  errors.data.map(({ fingerprint, attempts }) => [fingerprint, attempts]),
  next_event_at,
  overdue_schedules,
];
