/** What happened to a job, in order. */
import { capital, duration } from "./format.ts";
import type { Attempt, Job } from "./wire.ts";

export interface Step {
  readonly at: string;
  readonly title: string;
  readonly tone: "" | "good" | "warn" | "bad" | "now";
  readonly detail?: string;
  readonly took?: string;
  readonly attempt?: Attempt;
}

type Retried = NonNullable<Job["retried"]>;

const toneOf = ({ outcome }: Attempt): Step["tone"] => {
  if (outcome === "completed") return "good";
  return outcome === "dead" ? "bad" : "warn";
};

const ofAttempt = (attempt: Attempt, fromMs: number): Step => {
  const { number, outcome, began_at, ended_at } = attempt;
  const waitedMs = began_at === null ? 0 : Math.max(0, Date.parse(began_at) - fromMs);
  return {
    at: began_at ?? ended_at,
    title: `Attempt ${number}`,
    tone: toneOf(attempt),
    detail: `${outcome.replaceAll("_", " ")}${waitedMs > 0 ? `, waited ${duration(waitedMs)}` : ""}`,
    ...(began_at !== null && { took: duration(Date.parse(ended_at) - Date.parse(began_at)) }),
    attempt,
  };
};

const next = (job: Job, nowMs: number): Step[] => {
  const { state, attempt, max_attempts, started_at, run_at } = job;
  const tried = (job.attempts?.length ?? 0) > 0;
  if (state === "running" && started_at !== null)
    return [
      {
        at: started_at,
        title: `Attempt ${attempt}`,
        tone: "now",
        detail: "running",
        took: duration(nowMs - Date.parse(started_at)),
      },
    ];
  if (state === "scheduled")
    return [
      {
        at: run_at,
        title: tried ? `Attempt ${attempt + 1} of ${max_attempts}` : "Due",
        tone: "",
        ...(tried && { detail: "waits for its backoff" }),
      },
    ];
  return [];
};

/** Why it was cancelled, where somebody said it: the error of an attempt is beside the attempt. */
const reasonOf = ({ error }: Job): Pick<Step, "detail"> =>
  error?.name === "Cancelled" && error.message !== null ? { detail: error.message } : {};

const end = (job: Job): Step[] => {
  const { state, finished_at, attempt, max_attempts } = job;
  if (finished_at === null || (state !== "dead" && state !== "cancelled")) return [];
  if (state === "cancelled") return [{ at: finished_at, title: "Cancelled", tone: "", ...reasonOf(job) }];
  return [
    {
      at: finished_at,
      title: capital(state),
      tone: "bad",
      detail: attempt >= max_attempts ? "out of attempts" : "failed for good",
    },
  ];
};

/** How this life began, and how the next one did. */
const retries = ({ life, retried }: Job, begun: Retried | null): { readonly first: Step[]; readonly last: Step[] } => {
  const title = "Retried by hand";
  return {
    first: begun === null ? [] : [{ at: begun.at, title, tone: "", detail: `by ${begun.by}: life ${life}` }],
    last:
      retried === undefined ? [] : [{ at: retried.at, title, tone: "", detail: `by ${retried.by}: life ${life + 1}` }],
  };
};

interface Known {
  /** Attempts before those that the job was answered with. */
  readonly earlier?: readonly Attempt[];
  /** The retry that began this life; null where it is not known. */
  readonly begun?: Retried | null;
}

export const timelineOf = (job: Job, nowMs: number, { earlier = [], begun = null }: Known = {}): readonly Step[] => {
  const attempts = [...earlier, ...(job.attempts ?? [])];
  const { first, last } = retries(job, begun);
  let fromMs = Date.parse(begun?.at ?? job.created_at);
  const steps = attempts.map((attempt) => {
    const step = ofAttempt(attempt, fromMs);
    fromMs = Date.parse(attempt.ended_at);
    return step;
  });
  const life = job.life > 1 && begun === null ? { detail: `life ${job.life}: retried by hand` } : {};
  const enqueued: Step = { at: job.created_at, title: "Enqueued", tone: "", ...life };
  return [enqueued, ...first, ...steps, ...next(job, nowMs), ...end(job), ...last];
};
