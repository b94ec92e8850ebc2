/** Where the records go that failed-invocation could not deal with in three tries: nothing else keeps them. */
import type { Resource } from "./names.ts";

const KEPT_SECONDS = 14 * 24 * 60 * 60;

/** The queue of those records. */
export const recordQueue = (prefix: string): Resource => ({
  Type: "AWS::SQS::Queue",
  Properties: {
    QueueName: `${prefix}-failed-records`,
    MessageRetentionPeriod: KEPT_SECONDS,
    SqsManagedSseEnabled: true,
  },
});
