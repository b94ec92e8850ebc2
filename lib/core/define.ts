import type * as z from "zod";
import { MAX_DELAY_SECONDS } from "./backoff.ts";
import { type Checks, checksOf } from "./checks.ts";
import { DEFAULTS } from "./job.ts";
import type { FinishedState } from "./states.ts";
import { defineSchedule, type ScheduleInput } from "./define-schedule.ts";
import type { Backoff, JobDefinition, Jitter, QueueDefinition } from "./job.ts";

/** A backoff as a definition writes it: jitter is full unless it says otherwise. */
export type BackoffInput = Backoff extends infer Each
  ? Each extends Backoff
    ? Omit<Each, "jitter"> & { readonly jitter?: Jitter }
    : never
  : never;

/** What `defineJob` takes. Everything but the type and its payload schema has a default. */
export interface JobInput<Schema extends z.ZodType> {
  /** Matches `^[a-z][a-z0-9_-]{0,39}$`; also the name of the handler's folder. */
  readonly type: string;
  /**
   * Names that the type had before it was renamed, none unless given: jobs that were stored under them, or still are by producers of older code, run in this
   * handler, with this definition.
   */
  readonly aliases?: readonly string[];
  /** The type's name, unless given. */
  readonly queue?: string;
  /** Queues that a job may name instead; none unless given. An operator can add others. Any other queue is refused as `unknown_queue`. */
  readonly queues?: readonly string[];
  /** A zod schema. It parses the payload at enqueue and again before each attempt; what is stored is the payload as it was given. */
  readonly payload: Schema;
  /** `maxAttempts`: 1 to 1,000, 8 unless given. `backoff`: exponential from 2 s to 15 min with full jitter unless given. */
  readonly retry?: { readonly maxAttempts?: number; readonly backoff?: BackoffInput };
  /** Seconds one job may run: 1 to 880, 60 unless given. */
  readonly timeoutSeconds?: number;
  /** Seconds a begun lease lives without a heartbeat: 1 to 900, 60 unless given. */
  readonly leaseSeconds?: number;
  /** Jobs one invocation gets at most: 1 to 100, 10 unless given. */
  readonly batchSize?: number;
  /** How many jobs of one invocation run concurrently: 1 to `batchSize`, which it is unless given. */
  readonly concurrency?: number;
  /** An invocation goes on with its queue until nothing is due or its time is nearly up; false unless given. */
  readonly drain?: boolean;
  /** 0 to 9, lower first, 5 unless given. */
  readonly priority?: number;
  /** Cron rules that enqueue this type; a deploy makes, edits and removes them as they stand here. */
  readonly schedules?: readonly ScheduleInput<Schema>[];
  /**
   * JSON pointers into the payload, such as `/customer_id`, by whose values finished jobs of this type are found in one read: each has an index, which a deploy
   * makes and which costs each job of this type an entry. None unless given, 8 at most.
   */
  readonly search?: readonly string[];
}

/** What `defineQueue` takes. Null is no limit. */
export interface QueueInput {
  /** Matches `^[a-z][a-z0-9_-]{0,39}$`. */
  readonly name: string;
  /** How many jobs may be leased or running, 100 unless given. */
  readonly maxInFlight?: number | null;
  /** Jobs that may wait, no limit unless given. */
  readonly maxPending?: number | null;
  /** Days that finished jobs are kept: 1 to 3,650, 30 unless given; or those of each outcome, as `{ completed: 1, dead: 90 }`. */
  readonly retentionDays?: number | Readonly<Partial<Record<FinishedState, number>>>;
  /**
   * True unless given. False: of a completed job nothing is kept but a trace of its id for ten minutes. An enqueue with that id that is sent
   * later stores and runs it again, and there is nothing to retry by hand.
   */
  readonly keepCompleted?: boolean;
}

const DEFAULT_BACKOFF: BackoffInput = { type: "exponential", baseSeconds: 2, maxSeconds: 900 };

const checkBackoff = (input: BackoffInput, { fail, number }: Checks): Backoff => {
  const { jitter = "full" } = input;
  if (jitter !== "full" && jitter !== "none") fail('retry.backoff.jitter must be "full" or "none"');
  const seconds = (field: string, value: number): number =>
    number(`retry.backoff.${field}`, value, 0, MAX_DELAY_SECONDS);
  switch (input.type) {
    case "exponential":
    case "linear":
      seconds("baseSeconds", input.baseSeconds);
      seconds("maxSeconds", input.maxSeconds);
      return { ...input, jitter };
    case "fixed":
      seconds("seconds", input.seconds);
      return { ...input, jitter };
    case "list":
      if (!Array.isArray(input.delaysSeconds) || input.delaysSeconds.length === 0)
        fail("retry.backoff.delaysSeconds must have at least one delay");
      input.delaysSeconds.forEach((delay, index) => seconds(`delaysSeconds[${index}]`, delay));
      return { ...input, delaysSeconds: [...input.delaysSeconds], jitter };
    default:
      return fail("retry.backoff.type must be exponential, linear, fixed or list");
  }
};

const MAX_SEARCHES = 8;
/** RFC 6901, but for the whole document; no more of it than anybody would type. */
const POINTER = /^(?:\/(?:[^~/\p{Cc}\p{Cs}]|~[01])*){1,20}$/u;

const checkSearch = (search: readonly string[], { fail }: Checks): readonly string[] => {
  if (!Array.isArray(search) || search.length > MAX_SEARCHES)
    return fail(`search must be a list of at most ${MAX_SEARCHES} JSON pointers`);
  const pointers = search as readonly string[];
  for (const [index, pointer] of pointers.entries()) {
    if (typeof pointer !== "string" || pointer.length > 200 || !POINTER.test(pointer))
      fail(`search[${index}] must be a JSON pointer into the payload, as /customer_id`);
    if (pointers.indexOf(pointer) !== index) fail(`search[${index}] is there twice`);
  }
  return [...pointers];
};

const MAX_ALIASES = 16;

const checkAliases = (type: string, aliases: readonly string[], { fail, name }: Checks): readonly string[] => {
  if (!Array.isArray(aliases) || aliases.length > MAX_ALIASES)
    return fail(`aliases must be a list of at most ${MAX_ALIASES} names`);
  const names = (aliases as readonly string[]).map((each, index) => name(`aliases[${index}]`, each));
  for (const [index, each] of names.entries())
    if (each === type || names.indexOf(each) !== index) fail(`aliases[${index}] is there twice`);
  return names;
};

/**
 * Defines a job type. Has no side effect, so a producer can import it without the handler.
 *
 * @throws ForgeqError `invalid_job` that names the type and the field
 */
export const defineJob = <Schema extends z.ZodType>(input: JobInput<Schema>): JobDefinition<Schema> => {
  const { type, queue = type, queues = [], payload, retry = {}, timeoutSeconds, leaseSeconds, ...limits } = input;
  const {
    batchSize = DEFAULTS.batchSize,
    concurrency = batchSize,
    priority = DEFAULTS.priority,
    drain = false,
    ...rest
  } = limits;
  const { schedules = [], search = [], aliases = [], ...others } = rest;
  const { maxAttempts = DEFAULTS.maxAttempts, backoff = DEFAULT_BACKOFF, ...otherRetry } = retry;
  const checks = checksOf(`defineJob(${JSON.stringify(type)})`);
  checks.noOthers({ ...others, ...otherRetry });
  if (!Array.isArray(queues)) checks.fail("queues must be a list of names");
  if (typeof payload?.safeParse !== "function") checks.fail("payload must be a zod schema");
  return {
    type: checks.name("type", type),
    aliases: checkAliases(type, aliases, checks),
    queue: checks.name("queue", queue),
    queues: (queues as readonly string[]).map((name, index) => checks.name(`queues[${index}]`, name)),
    payload,
    retry: {
      maxAttempts: checks.integer("retry.maxAttempts", maxAttempts, 1, 1000),
      backoff: checkBackoff(backoff, checks),
    },
    timeoutSeconds: checks.number("timeoutSeconds", timeoutSeconds ?? DEFAULTS.timeoutSeconds, 1, 880),
    leaseSeconds: checks.number("leaseSeconds", leaseSeconds ?? DEFAULTS.leaseSeconds, 1, 900),
    batchSize: checks.integer("batchSize", batchSize, 1, 100),
    concurrency: checks.integer("concurrency", concurrency, 1, batchSize),
    drain,
    priority: checks.integer("priority", priority, 0, 9),
    schedules: schedules.map(defineSchedule),
    search: checkSearch(search, checks),
  };
};

const FINISHED: readonly FinishedState[] = ["completed", "dead", "cancelled"];

/** Days that all finished jobs are kept, and the fewer ones of some outcomes. */
const checkRetention = (
  given: NonNullable<QueueInput["retentionDays"]>,
  { fail, integer }: Checks,
): Pick<QueueDefinition, "retentionDays" | "outcomeDays"> => {
  if (typeof given !== "object" || given === null) return { retentionDays: integer("retentionDays", given, 1, 3650) };
  for (const [state, days] of Object.entries(given)) {
    if (!FINISHED.some((each) => each === state)) fail(`retentionDays.${state} must be completed, dead or cancelled`);
    integer(`retentionDays.${state}`, days, 1, 3650);
  }
  const daysOf = (state: FinishedState): number => given[state] ?? DEFAULTS.retentionDays;
  const retentionDays = Math.max(...FINISHED.map(daysOf));
  const fewer = FINISHED.filter((state) => daysOf(state) < retentionDays);
  return fewer.length === 0
    ? { retentionDays }
    : { retentionDays, outcomeDays: Object.fromEntries(fewer.map((state) => [state, daysOf(state)])) };
};

/** Postgres' integer. */
const MAX_LIMIT = 2_147_483_647;

/**
 * Defines a queue. A queue that is only named by a job type gets these defaults.
 *
 * @throws ForgeqError `invalid_job` that names the queue and the field
 */
export const defineQueue = (input: QueueInput): QueueDefinition => {
  const { name, maxInFlight = DEFAULTS.maxInFlight, maxPending = null, keepCompleted = true, ...rest } = input;
  const { retentionDays = DEFAULTS.retentionDays, ...others } = rest;
  const checks = checksOf(`defineQueue(${JSON.stringify(name)})`);
  checks.noOthers(others);
  return {
    name: checks.name("name", name),
    maxInFlight: maxInFlight === null ? null : checks.integer("maxInFlight", maxInFlight, 1, MAX_LIMIT),
    maxPending: maxPending === null ? null : checks.integer("maxPending", maxPending, 1, MAX_LIMIT),
    ...checkRetention(retentionDays, checks),
    keepCompleted,
  };
};
