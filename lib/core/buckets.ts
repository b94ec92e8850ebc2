/**
 * Upper bounds of the histograms' buckets, in seconds; a last one without bound follows. migrations/functions/metric_ends.sql sorts
 * into the same ones: a new bound there or here would give old counts a new meaning, so they stay.
 */
export const BUCKET_SECONDS = {
  /** Seconds from due to begun. */
  wait: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600],
  /** Seconds from begun to ended. */
  run: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 900],
} as const;
