import type { ScheduleList } from "./wire.ts";

type Listed = ScheduleList["data"][number];

/** A schedule as `PUT /schedules/{name}` takes it: all of it, for what is left out gets its default. */
export const bodyOf = (schedule: Listed): object => {
  const { cron, timezone, type, payload, overlap, catch_up, catch_up_limit, jitter_seconds, paused } = schedule;
  const { queue, priority, starts_at, ends_at, max_attempts, unique_key, metadata } = schedule;
  return {
    ...{ cron, timezone, type, payload, overlap, catch_up, catch_up_limit, jitter_seconds, paused },
    ...(queue !== null && { queue }),
    ...(priority !== null && { priority }),
    ...(starts_at !== null && { starts_at }),
    ...(ends_at !== null && { ends_at }),
    ...(max_attempts !== null && { max_attempts }),
    ...(unique_key !== null && { unique_key }),
    ...(metadata !== null && { metadata }),
  };
};
