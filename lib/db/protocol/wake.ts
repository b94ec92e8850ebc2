import { call, callAgain, only } from "../drivers/call.ts";
import type { Db } from "../drivers/client.ts";

const WAKE_WANTED = `/* forgeq:wake_wanted */
select forgeq.wake_wanted($1::float8, $2::timestamptz, $3) as wanted`;

/**
 * Must a dispatcher be invoked for a job due in `dueSeconds`? Ask in a statement of its own, after the commit, and invoke one when
 * told so: others who ask within half a second rely on it. True when the question had to be sent again, since the lost
 * answer may have been it.
 *
 * @param owner - whose dispatcher; null: of none
 */
export const wakeWanted = async (
  db: Db,
  dueSeconds: number,
  at: Date | null,
  owner: string | null = null,
): Promise<boolean> => {
  let resent = false;
  const rows = await callAgain<{ wanted: boolean }>(db, WAKE_WANTED, (tried) => {
    resent = tried > 0;
    return [dueSeconds, at, owner];
  });
  return only(rows).wanted || resent;
};

const MARK = `/* forgeq:dispatcher_mark */
select forgeq.dispatcher_mark($1::uuid, $2, $3::float8, $4::timestamptz, $5) as mine`;

/** The dispatcher `me` says what it does from now on; false when another one does it already, or is there when it is closing. */
export const markDispatcher = async (
  db: Db,
  me: string,
  phase: "active" | "waiting" | "closing",
  waitSeconds: number | null,
  at: Date | null,
  owner: string | null = null,
): Promise<boolean> => only(await call<{ mine: boolean }>(db, MARK, [me, phase, waitSeconds, at, owner])).mine;

const FORGET = `/* forgeq:forget_dispatchers */
update forgeq.wake set active_until = null, waiting_for = null`;

/**
 * No dispatcher counts as active or waiting any more, so that the next enqueue is told to invoke one. One that lives goes on, at
 * worst at the same time as another, and marks itself again.
 */
export const forgetDispatchers = async (db: Db): Promise<void> => {
  await call(db, FORGET, []);
};

const NEXT_EVENT = `/* forgeq:next_event */
select job_seconds as "jobSeconds", slot_seconds as "slotSeconds", lease_seconds as "leaseSeconds"
from forgeq.next_event($1::timestamptz, $2::boolean, $3)`;

/**
 * Seconds until something must be attended to, 0 or less for what is due already, null for nothing; what a limit or a pause
 * holds back is nothing.
 */
export interface NextEvent {
  readonly jobSeconds: number | null;
  readonly slotSeconds: number | null;
  readonly leaseSeconds: number | null;
}

/**
 * @param jobs - whether jobs are looked for, too; `jobSeconds` is null where they are not
 * @param owner - of what it serves; null: of everything
 */
export const nextEvent = async (
  db: Db,
  at: Date | null,
  jobs = true,
  owner: string | null = null,
): Promise<NextEvent> => only(await call<NextEvent>(db, NEXT_EVENT, [at, jobs, owner]));

const NEXT_DUE = `/* forgeq:next_due */
select least(forgeq.next_due($1::float8, $2::timestamptz, null, $3::text), (
  select extract(epoch from min(s.next_slot_at) - clock.now)
  from forgeq.schedule s, (select coalesce($2::timestamptz, clock_timestamp()) as now) clock
  where not s.paused and s.next_slot_at > clock.now and s.next_slot_at <= clock.now + make_interval(secs => $1::float8)
    and ($3::text is null or not exists (select from forgeq.job_type t where t.type = s.type and t.owner <> $3::text))
  group by clock.now))::float8 as seconds`;

/** Seconds until the next job falls due, or the next slot of a schedule comes, within `horizonSeconds`; null for none. */
export const nextDue = async (
  db: Db,
  horizonSeconds: number,
  at: Date | null,
  owner: string | null = null,
): Promise<number | null> =>
  only(await call<{ seconds: number | null }>(db, NEXT_DUE, [horizonSeconds, at, owner])).seconds;
