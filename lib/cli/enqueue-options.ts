/** The options of `forgeq enqueue`, as commander gives them. */
export interface EnqueueCommandOptions {
  readonly type?: string;
  readonly payload?: string;
  readonly queue?: string;
  readonly priority?: number;
  readonly runAt?: Date;
  readonly delay?: number;
  readonly maxAttempts?: number;
  readonly uniqueKey?: string;
  readonly id?: string;
  readonly metadata?: string;
  readonly file?: string;
  readonly skipInvalid?: boolean;
  readonly wait?: boolean;
}
