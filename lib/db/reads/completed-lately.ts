import { call } from "../drivers/call.ts";
import type { Db } from "../drivers/client.ts";

/** A job that has completed in a queue that keeps no completed jobs. */
export interface CompletedLately {
  readonly queue: string;
  readonly type: string;
  readonly completedAt: Date;
}

const COMPLETED_LATELY = `/* forgeq:completed_lately */
select queue, type, completed_at as "completedAt"
from forgeq.completed_lately(array[$1::uuid], coalesce($2::timestamptz, clock_timestamp()))
limit 1`;

/** Null when this job has not completed in the last ten minutes, or is kept. Reads much where many have completed: only for a job that is nowhere else. */
export const findCompletedLately = async (db: Db, id: string, at: Date | null): Promise<CompletedLately | null> =>
  (await call<CompletedLately>(db, COMPLETED_LATELY, [id, at]))[0] ?? null;
