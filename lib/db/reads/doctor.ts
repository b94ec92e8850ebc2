import { call, only } from "../drivers/call.ts";
import type { Db } from "../drivers/client.ts";

/** What a server says of itself. */
export interface ServerFacts {
  readonly version: string;
  /** 150004 is 15.4. */
  readonly versionNumber: number;
  readonly fsync: string;
  readonly synchronousCommit: string;
  readonly fullPageWrites: string;
  readonly now: Date;
}

const SERVER_FACTS = `/* forgeq:server_facts */
select current_setting('server_version') as version, current_setting('server_version_num')::int as "versionNumber",
       current_setting('fsync') as fsync, current_setting('synchronous_commit') as "synchronousCommit",
       current_setting('full_page_writes') as "fullPageWrites", to_json(clock_timestamp()) as now`;

export const readServerFacts = async (db: Db): Promise<ServerFacts> => {
  const { now, ...facts } = only(await call<Omit<ServerFacts, "now"> & { readonly now: string }>(db, SERVER_FACTS, []));
  return { ...facts, now: new Date(now) };
};

/** What sessions of this role in this database begin with. */
export interface SessionSettings {
  readonly isolation: string;
  readonly readOnly: boolean;
  readonly isReplica: boolean;
  readonly dateStyle: string;
  readonly encoding: string;
}

const SESSION_SETTINGS = `/* forgeq:session_settings */
select current_setting('default_transaction_isolation') as isolation, current_setting('default_transaction_read_only')::boolean as "readOnly",
       pg_is_in_recovery() as "isReplica", current_setting('datestyle') as "dateStyle", current_setting('server_encoding') as encoding`;

export const readSessionSettings = async (db: Db): Promise<SessionSettings> =>
  only(await call<SessionSettings>(db, SESSION_SETTINGS, []));

const CONNECTION_LIMIT = `/* forgeq:connection_limit */
select least(
  current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
  (select nullif(d.datconnlimit, -1) from pg_database d where d.datname = current_database()),
  (select nullif(r.rolconnlimit, -1) from pg_roles r where r.rolname = session_user)) as connections`;

/** Connections that this role can have to this database at most: the server's own limit, the database's, or the role's. */
export const readConnectionLimit = async (db: Db): Promise<number> =>
  only(await call<{ connections: number }>(db, CONNECTION_LIMIT, [])).connections;

const EXPIRED_LEASES = `/* forgeq:expired_leases */
select count(*)::int as leases, coalesce(-forgeq.bounded_seconds(min(expires_at), clock_timestamp()), 0) as seconds
from forgeq.lease where expires_at < clock_timestamp()`;

/** Leases whose time is over and that nobody has taken back, and for how many seconds. */
export const countExpiredLeases = async (db: Db): Promise<{ readonly leases: number; readonly seconds: number }> =>
  only(await call<{ leases: number; seconds: number }>(db, EXPIRED_LEASES, []));

const LAST_SEEN = `/* forgeq:clock_last_seen */
select coalesce(extract(epoch from max(done_at) - clock_timestamp()), 0)::float8 as "aheadSeconds" from forgeq.tick_part`;

/** By how many seconds the last tick is ahead of the database's clock: above 0 where the clock has gone back since. */
export const lastTickAheadSeconds = async (db: Db): Promise<number> =>
  only(await call<{ aheadSeconds: number }>(db, LAST_SEEN, [])).aheadSeconds;

const OVERDUE_SLOTS = `/* forgeq:overdue_slots */
select name, extract(epoch from clock.now - next_slot_at)::float8 as seconds
from forgeq.schedule, (select coalesce($2::timestamptz, clock_timestamp()) as now) clock
where not paused and next_slot_at < clock.now - make_interval(secs => $1)
order by next_slot_at
limit 5`;

/** The schedules whose next slot came so long ago and was not fired, the latest first; five at most. */
export const readOverdueSlots = (
  db: Db,
  seconds: number,
  at: Date | null = null,
): Promise<{ readonly name: string; readonly seconds: number }[]> =>
  call<{ name: string; seconds: number }>(db, OVERDUE_SLOTS, [seconds, at]);

const LATE_PARTS = `/* forgeq:late_tick_parts */
select u.part, extract(epoch from clock_timestamp() - p.done_at)::float8 as seconds
from unnest($1::text[]) as u(part)
left join forgeq.tick_part p using (part)
where p.done_at is null or p.done_at < clock_timestamp() - make_interval(secs => $2)`;

/** Those parts of a tick that have not been done for so long; `seconds` is null for one that never was. */
export const readLateTickParts = (
  db: Db,
  parts: readonly string[],
  seconds: number,
): Promise<{ readonly part: string; readonly seconds: number | null }[]> =>
  call<{ part: string; seconds: number | null }>(db, LATE_PARTS, [parts, seconds]);

const HAS_OLD_JOBS = `/* forgeq:has_old_jobs */
select exists (select from forgeq.job_history where finished_at < clock_timestamp() - interval '1 day')
    or exists (select from forgeq.job where created_at < clock_timestamp() - interval '1 hour') as old`;

/** Whether there are jobs that a tick should have looked at: a new database needs none yet. */
export const hasOldJobs = async (db: Db): Promise<boolean> =>
  only(await call<{ old: boolean }>(db, HAS_OLD_JOBS, [])).old;

const LIVE_TYPES = `/* forgeq:live_types */
select type from forgeq.live_types()`;

/** The types in the database that have live jobs, by the counters. */
export const readLiveTypes = async (db: Db): Promise<string[]> =>
  (await call<{ type: string }>(db, LIVE_TYPES, [])).map(({ type }) => type);

const FOREIGN_SCHEDULES = `/* forgeq:foreign_schedules */
select s.name, s.type
from forgeq.schedule s
left join forgeq.job_type t on t.type = s.type
where not s.paused and s.next_slot_at is not null and s.type <> all ($1::text[]) and t.owner is null
order by s.name limit 10`;

/** Schedules that go on, of types that are not among these and that no other owner serves. */
export const readForeignSchedules = (
  db: Db,
  types: readonly string[],
): Promise<{ readonly name: string; readonly type: string }[]> =>
  call<{ name: string; type: string }>(db, FOREIGN_SCHEDULES, [types]);

// A setting of the server's, of the database, or of the role.
const ENDLESS_ROLES = `/* forgeq:endless_roles */
select r.rolname as role,
       format('alter role %I set statement_timeout = %L', r.rolname, $1::text) as cure
from pg_roles r
where r.rolcanlogin
  and (r.rolname = session_user or (not r.rolsuper and has_schema_privilege(r.oid, 'forgeq', 'usage')))
  and not exists (select from pg_settings where name = 'statement_timeout' and setting <> '0' and source like 'configuration%')
  and not exists (
    select from pg_db_role_setting s
    cross join unnest(s.setconfig) as c
    where s.setrole in (0, r.oid) and s.setdatabase in (0, (select d.oid from pg_database d where d.datname = current_database()))
      and c like 'statement_timeout=%' and c not in ('statement_timeout=0', 'statement_timeout=0s', 'statement_timeout=0ms'))
order by r.rolname`;

/** Roles that may log in and use the schema, and whose statements never end by themselves, each with the statement that ends them. */
export const readEndlessRoles = (
  db: Db,
  timeout: string,
): Promise<readonly { readonly role: string; readonly cure: string }[]> => call(db, ENDLESS_ROLES, [timeout]);
