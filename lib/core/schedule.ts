/** What a schedule does with a slot while an earlier job of it lives. */
export const OVERLAPS = ["allow", "skip", "queue_one"] as const;
export type Overlap = (typeof OVERLAPS)[number];

/** What becomes of slots that no tick fired in time: none, the newest, or all up to a limit. */
export const CATCH_UPS = ["skip", "last", "all"] as const;
export type CatchUp = (typeof CATCH_UPS)[number];

export const MAX_CATCH_UP = 1000;
export const MAX_JITTER_SECONDS = 3600;

/** When a schedule has slots. */
export interface SlotRule {
  readonly cron: string;
  readonly timezone: string;
  /** No slot before this instant; null for no bound. */
  readonly startsAt: Date | null;
  /** No slot after this instant; null for no bound. */
  readonly endsAt: Date | null;
}

/** A schedule as somebody defines it, complete. */
export interface ScheduleDefinition extends SlotRule {
  readonly name: string;
  readonly type: string;
  readonly payload: unknown;
  /** Null: the type's. */
  readonly queue: string | null;
  /** Null: the type's. */
  readonly priority: number | null;
  readonly paused: boolean;
  readonly overlap: Overlap;
  readonly catchUp: CatchUp;
  /** 1 to 1,000: jobs that one catch-up of `all` enqueues at most, the newest slots. */
  readonly catchUpLimit: number;
  /** 0 to 3,600: a slot's job is due up to this many seconds later, always as many for the same slot. */
  readonly jitterSeconds: number;
  /** Of its jobs; null: the type's. */
  readonly maxAttempts: number | null;
  /** Of its jobs: while one of them lives, a slot makes none. */
  readonly uniqueKey: string | null;
  /** Of its jobs, in addition to `schedule` and `slot_at`. */
  readonly metadata: Record<string, unknown> | null;
}

/** A schedule as a job type declares it: it is of that type. */
export type DeclaredSchedule = Omit<ScheduleDefinition, "type">;

/** What a schedule has unless it says otherwise. */
export const SCHEDULE_DEFAULTS: Omit<ScheduleDefinition, "name" | "cron" | "type"> = {
  timezone: "UTC",
  payload: {},
  queue: null,
  priority: null,
  paused: false,
  overlap: "allow",
  catchUp: "skip",
  catchUpLimit: 10,
  startsAt: null,
  endsAt: null,
  jitterSeconds: 0,
  maxAttempts: null,
  uniqueKey: null,
  metadata: null,
};
