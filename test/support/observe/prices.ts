/**
 * Published list prices in US dollars, us-east-1, without free tiers, as collected in November 2026:
 * https://aws.amazon.com/lambda/pricing/ (arm64), https://aws.amazon.com/eventbridge/pricing/, https://neon.com/pricing (Launch)
 */
export const PRICES = {
  lambdaPerGbSecond: 0.0000133334,
  lambdaPerMillionRequests: 0.2,
  schedulerPerMillionInvocations: 1,
  databasePerComputeHour: 0.106,
} as const;

/** What serverless.yml gives a function, and Neon's smallest compute. */
export const SIZES = { memoryGb: 0.25, computeUnits: 0.25 } as const;

export const HOURS_PER_MONTH = 730;
