import { call } from "../drivers/call.ts";
import type { Db } from "../drivers/client.ts";
import { withAttempts } from "./attempts.ts";
import { FINISHED_COLUMNS, type Job, type JobRow, liveJobs } from "./jobs.ts";

const GET_LIVE = `/* forgeq:get_live */${liveJobs("last.began_at", "last.error")}
left join lateral (
  select (array_agg(a.began_at order by a.ended_at desc) filter (where a.began_at is not null))[1] as began_at,
         (array_agg(a.error order by a.ended_at desc))[1] as error
  from forgeq.attempts_of(array[j.id], clock.now) a
  where a.life = j.life) last on true
where j.id = $2::uuid`;

const GET_FINISHED = `/* forgeq:get_finished */${FINISHED_COLUMNS}
from forgeq.newest_life($2::uuid, coalesce($1::timestamptz, clock_timestamp())) h`;

/** A job with its payload and attempts, or null. */
export const getJob = async (db: Db, id: string, at: Date | null): Promise<Job | null> => {
  // Live, finished, then live again: a job may finish, or be revived, between two reads.
  for (const text of [GET_LIVE, GET_FINISHED, GET_LIVE]) {
    const rows = await call<JobRow>(db, text, [at, id]);
    if (rows.length > 0) return (await withAttempts(db, rows, at))[0] ?? null;
  }
  return null;
};
