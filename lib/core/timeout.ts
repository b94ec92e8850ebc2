const MARGIN_SECONDS = 30;
const LONGEST_SECONDS = 900;

/** The time-out of the function of a job type, in seconds: its jobs', and time for start, settling and the abort of what is late. */
export const functionTimeoutSeconds = (jobTimeoutSeconds: number): number =>
  Math.min(LONGEST_SECONDS, jobTimeoutSeconds + MARGIN_SECONDS);
