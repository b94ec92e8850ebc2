// Where the records go that failed-invocation could not deal with in three tries: nothing else keeps them.

const KEPT_SECONDS = 14 * 24 * 60 * 60;

/** The queue of those records; the destination in serverless.yml names it. */
export const recordQueue = ({ prefix }) => ({
  FailedRecords: {
    Type: "AWS::SQS::Queue",
    Properties: {
      QueueName: `${prefix}-failed-records`,
      MessageRetentionPeriod: KEPT_SECONDS,
      SqsManagedSseEnabled: true,
    },
  },
});
