/** What becomes of a job whose unique key a live job holds. */
export const ON_CONFLICT = ["existing", "reject"] as const;

/** How a job differs from its type's defaults. What is undefined comes from the type. */
export interface JobOptions {
  /** UUID of version 7, made between 30 days ago and an hour ahead, as `idOf` makes one; a repeated one names the same job. */
  readonly id?: string | undefined;
  /** One that the type, or an operator, lists for the type. */
  readonly queue?: string | undefined;
  /** 0 to 9, lower first. */
  readonly priority?: number | undefined;
  /** At most ten years ahead; a past instant is due. Not together with `delaySeconds`. */
  readonly runAt?: Date | undefined;
  /** From the enqueue, by the database's clock. */
  readonly delaySeconds?: number | undefined;
  /** No attempt is taken from then on, neither the first nor a later one: the job ends cancelled instead, soon after. After `runAt`. */
  readonly startBefore?: Date | undefined;
  /** 1 to 1,000. */
  readonly maxAttempts?: number | undefined;
  /** At most one live job per type and key. */
  readonly uniqueKey?: string | undefined;
  /** Where a live job holds the unique key, whatever its payload: `existing` (unless given) gives that job, `reject` is `unique_key_conflict`. */
  readonly onConflict?: "existing" | "reject" | undefined;
  readonly metadata?: Record<string, unknown> | undefined;
}

/** A job to enqueue, its payload checked already. */
export interface NewJob extends JobOptions {
  readonly type: string;
  readonly payload: unknown;
  /** How many jobs enqueued jobs before this one; at most 64. */
  readonly depth?: number | undefined;
  /** W3C trace context of whoever enqueues it. */
  readonly traceparent?: string | undefined;
}

/** The wire's names, which TypeScript would otherwise let pass, and nothing would read, where a job comes from a variable. */
type WireNames = Readonly<
  Partial<Record<"run_at" | "start_before" | "delay_seconds" | "max_attempts" | "unique_key" | "on_conflict", never>>
>;

/** A new job with the id that it will have, the caller's or one made for this call. */
export type IdentifiedJob = NewJob & { readonly id: string } & WireNames;
