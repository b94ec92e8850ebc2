import type { Db } from "../drivers/client.ts";
import { isLockTimeout } from "../drivers/failure.ts";

/** A transaction that holds locks on ForgeQ's tables. */
export interface LockHolder {
  readonly pid: number;
  /** What its session calls itself; empty for none. */
  readonly applicationName: string;
  readonly since: Date;
}

/** Whoever asks for a lock that is not free makes everybody wait who asks after it. So it asks for a moment only, and later again. */
export const SHORT_WAITS = "set local lock_timeout = '100ms'";
const PAUSE_MS = 500;
const LONGEST_WAIT_MS = 3_600_000;

const OLDEST_HOLDER = `/* forgeq:lock_holder */
select a.pid, a.application_name as "applicationName", a.xact_start as since
from pg_stat_activity a
where a.datname = current_database() and a.pid <> pg_backend_pid() and a.xact_start is not null
  and exists (select from pg_locks l join pg_class c on c.oid = l.relation
              where l.pid = a.pid and l.granted and c.relnamespace = to_regnamespace('forgeq'))
order by a.xact_start
limit 1`;

/**
 * Runs a transaction that begins with `SHORT_WAITS` again and again, until all locks that it needs are free.
 *
 * @param onWait - told who holds locks for longest, once for each
 * @throws what the transaction throws otherwise, and its lock time-out after an hour
 */
export const whenLocksAreFree = async <Result>(
  db: Db,
  run: () => Promise<Result>,
  onWait?: (holder: LockHolder) => void,
): Promise<Result> => {
  const told = new Set<number>();
  const startedAtMs = performance.now();
  for (;;) {
    try {
      return await run();
    } catch (error) {
      if (!isLockTimeout(error) || performance.now() - startedAtMs > LONGEST_WAIT_MS) throw error;
    }
    const [holder] = await db.query<LockHolder>(OLDEST_HOLDER);
    if (holder !== undefined && !told.has(holder.pid)) onWait?.(holder);
    if (holder !== undefined) told.add(holder.pid);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
};
