import { rescheduleBody } from "../http/action-bodies.ts";
import type { Reschedule } from "../queue/manage/reschedule-job.ts";
import { checkOptions } from "./check-options.ts";
import { UsageError } from "./failure.ts";

/** Where jobs that wait are moved to, as commander gives it. */
export interface RescheduleOptions {
  readonly runAt?: Date;
  readonly delay?: number;
  readonly priority?: number;
}

/** @throws {UsageError} none of them is given, or one is out of range */
export const toReschedule = ({ runAt, delay, priority }: RescheduleOptions): Reschedule => {
  if (runAt === undefined && delay === undefined && priority === undefined)
    throw new UsageError("give --run-at, --delay or --priority");
  if (delay !== undefined && !rescheduleBody.safeParse({ delay_seconds: delay }).success)
    throw new UsageError("--delay is longer than a job can be put off");
  return checkOptions(rescheduleBody, { run_at: runAt?.toISOString(), delay_seconds: delay, priority });
};
