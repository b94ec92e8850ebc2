/**
 * The questions that are open on the page, and when they are asked again. Each question has a place of its own for its answer,
 * so that an answer can only be shown for the question it belongs to.
 */
import { batch, effect, type ReadonlySignal, signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { call, isAbort, messageOf } from "./api.ts";
import { now } from "./clock.ts";
import { type Activity, activityOf, type Situation, waitMsOf } from "./pace.ts";
import { interval } from "./preferences.ts";
import { session } from "./session.ts";

export interface Source<Answer> {
  readonly path: string;
  readonly answer: ReadonlySignal<Answer | null>;
  /** Why the newest question was not answered; the last answer stays. */
  readonly trouble: ReadonlySignal<string | null>;
}

interface OpenSource extends Source<unknown> {
  /** Asks, and gives up the question before. @returns whether the answer differs from the last one; null: given up */
  ask(): Promise<boolean | null>;
  giveUp(): void;
  readonly isAsking: () => boolean;
  /** Its answer has come, and does not change. */
  readonly isSettled: () => boolean;
}

export interface SourceOptions<Answer> {
  /** What of an answer tells whether something has changed. */
  readonly essence?: (answer: Answer) => unknown;
  /** The answer does not change while this is the same: it is asked for once. */
  readonly once?: unknown;
}

const createSource = <Answer>(path: string, { essence = (answer) => answer, once }: SourceOptions<Answer>) => {
  const answer = signal<Answer | null>(null);
  const trouble = signal<string | null>(null);
  let asking: AbortController | null = null;
  let last = "";
  const source = {
    path,
    answer,
    trouble,
    ask: async (): Promise<boolean | null> => {
      asking?.abort();
      const own = (asking = new AbortController());
      try {
        const given = await call<Answer>("GET", path, { signal: own.signal });
        if (asking !== own) return null;
        const text = JSON.stringify(essence(given));
        const differs = text !== last;
        last = text;
        batch(() => {
          answer.value = given;
          trouble.value = null;
        });
        return differs;
      } catch (error) {
        if (asking !== own || isAbort(error)) return null;
        trouble.value = messageOf(error);
        throw error;
      } finally {
        if (asking === own) asking = null;
      }
    },
    giveUp: () => {
      asking?.abort();
      asking = null;
    },
    isAsking: () => asking !== null,
    isSettled: () => once !== undefined && trouble.peek() === null && answer.peek() !== null,
  };
  return source satisfies OpenSource;
};

const open = new Set<OpenSource>();
const paused = signal(false);
const hidden = signal(document.hidden);
const touchedAtMs = signal(Date.now());
const changedAtMs = signal(Date.now());
const failures = signal(0);
const quietUntil = signal<number | null>(null);
let timer: ReturnType<typeof setTimeout> | undefined;

/** When the last answer came; null: none yet. */
export const answeredAtMs = signal<number | null>(null);
export const quietUntilMs: ReadonlySignal<number | null> = quietUntil;
export const activity = signal<Activity>("live");

const situation = (): Situation => ({
  nowMs: Date.now(),
  intervalMs: Number(interval.peek()) * 1_000,
  paused: paused.peek(),
  hidden: hidden.peek(),
  touchedAtMs: touchedAtMs.peek(),
  changedAtMs: changedAtMs.peek(),
  quietUntilMs: quietUntil.peek(),
  failures: failures.peek(),
});

/** Browsers take no longer timer. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

const plan = (): void => {
  clearTimeout(timer);
  const current = situation();
  activity.value = activityOf(current);
  const waitMs = waitMsOf(current);
  if (waitMs !== null && session.peek()) timer = setTimeout(() => void poll(), Math.min(waitMs, LONGEST_TIMER_MS));
};

const asked = async (sources: readonly OpenSource[]): Promise<void> => {
  const outcomes = await Promise.allSettled(sources.map((source) => source.ask()));
  const came = outcomes.filter((outcome) => outcome.status === "fulfilled" && outcome.value !== null);
  const failed = outcomes.some((outcome) => outcome.status === "rejected");
  batch(() => {
    if (failed) failures.value += 1;
    else if (came.length > 0) failures.value = 0;
    if (came.length > 0) answeredAtMs.value = Date.now();
    if (came.some((outcome) => outcome.status === "fulfilled" && outcome.value === true))
      changedAtMs.value = Date.now();
  });
  plan();
};

/** By the timer: a question that is still under way is not asked again. */
const poll = async (): Promise<void> => {
  plan();
  const { current } = { current: activity.peek() };
  if (current !== "live" && current !== "failing" && current !== "asleep") return;
  const idle = [...open].filter((source) => !source.isAsking() && !source.isSettled());
  if (idle.length > 0) await asked(idle);
  else plan();
};

/** Asks all now, whatever the pace. */
export const refresh = (): Promise<void> => {
  changedAtMs.value = Date.now();
  return asked([...open]);
};

/** Goes on after a pause, an absence or a sleep. */
export const wake = (): void => {
  paused.value = false;
  touchedAtMs.value = Date.now();
  plan();
  void refresh();
};

export const pause = (): void => {
  paused.value = true;
  plan();
};

/** Says until when nothing can change. */
export const setQuietUntil = (ms: number | null): void => {
  quietUntil.value = ms;
};

/** A question that is asked while the component is there; another path is another question. */
export const useLive = <Answer>(path: string | null, options: SourceOptions<Answer> = {}): Source<Answer> => {
  const source = useMemo(() => createSource<Answer>(path ?? "", options), [path, options.once]);
  useEffect(() => {
    if (path === null) return undefined;
    open.add(source);
    void asked([source]);
    return () => {
      open.delete(source);
      source.giveUp();
    };
  }, [source]);
  return source;
};

const touch = (): void => {
  const wasIdle = activity.peek() === "idle";
  touchedAtMs.value = Date.now();
  if (wasIdle) wake();
};

/** Watches who is there. Called once. */
export const startLive = (): void => {
  for (const name of ["pointerdown", "pointermove", "keydown", "focus"])
    addEventListener(name, touch, { passive: true });
  document.addEventListener("visibilitychange", () => {
    hidden.value = document.hidden;
    if (document.hidden) plan();
    else wake();
  });
  effect(() => {
    void interval.value;
    plan();
  });
  // Nobody being there any more is noticed by the clock, and said.
  effect(() => {
    void now.value;
    const current = activityOf(situation());
    if (current !== activity.peek()) plan();
  });
};
