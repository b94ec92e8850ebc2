/** Ten years of history in weekly partitions: what asks for a job by its id reads and locks those since that id was made. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { idOf } from "../../../lib/core/id-of.ts";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { cancel, revive } from "../../../lib/db/reads/jobs.ts";
import { finishedWithin, getJob } from "../../../lib/db/reads/job.ts";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import { enqueueMany } from "../../../lib/db/protocol/enqueue.ts";
import { beginLease, claim, recover } from "../../../lib/db/protocol/leases.ts";
import { type LeaseHolder, settle } from "../../../lib/db/protocol/settle.ts";
import { syncDefinitions } from "../../../lib/queue/manage/sync-definitions.ts";
import { createTestDatabase, type TestDatabase } from "../../support/database/database.ts";
import { locksOf } from "../../support/database/locks.ts";
import { plain, unlimited } from "../../support/queue.ts";

const DAY_MS = 86_400_000;
const WEEKS = 520;
const ago = (days: number): Date => new Date(Date.now() - days * DAY_MS);

/** Partitions of some weeks, in a statement of their own: all take longer than a statement may on a busy machine. */
const weekly = (from: number, to: number): string => `do $$
declare
  week timestamptz;
  parent text;
  part text;
begin
  for i in ${from} .. ${to} loop
    week := (date_trunc('week', now() at time zone 'UTC') - make_interval(days => 7 * i)) at time zone 'UTC';
    foreach parent in array array['job_history', 'job_attempt'] loop
      part := parent || '_' || to_char(week at time zone 'UTC', 'YYYYMMDD');
      execute format('create table forgeq.%I partition of forgeq.%I for values from (%L) to (%L)', part, parent, week, week + interval '7 days');
    end loop;
  end loop;
end
$$`;

/** A dead job of that id and end, with one attempt. */
const FINISHED = `with h as (
  insert into forgeq.job_history (id, finished_at, created_at, began_at, state, life, priority, attempt, max_attempts, payload, queue, type)
  values ($1, $2, $2, $2, 'dead', 1, 5, 1, 1, '{}', 'plain', 'plain'))
insert into forgeq.job_attempt (job_id, life, number, outcome, began_at, ended_at, error)
values ($1, 1, 1, 'dead', $2, $2, '{"name": "Error", "message": "no"}')`;

let database: TestDatabase;
let db: Db;

beforeAll(async () => {
  database = await createTestDatabase();
  ({ db } = database);
  await syncDefinitions(db, [plain], [unlimited], null);
  for (let week = 2; week < WEEKS; week += 40) await db.query(weekly(week, Math.min(week + 39, WEEKS)));
}, 180_000);
afterAll(() => database.drop());

const finished = async (key: string, madeDays: number, endedDays: number): Promise<string> => {
  const id = idOf(key, ago(madeDays));
  await db.query(FINISHED, [id, ago(endedDays)]);
  return id;
};

const item = (id: string) => ({ id, type: "plain", payload: {} });

/** Buffers of one statement, with those of the functions that it calls, after others like it. */
const buffersOf = async (text: string, params: readonly unknown[]): Promise<number> => {
  let least = Infinity;
  for (let n = 0; n < 3; n += 1) {
    const [row] = await db.query<{ "QUERY PLAN": readonly [{ Plan: Record<string, number> }] }>(
      `explain (analyze, buffers, format json) ${text}`,
      params.map((param) => (typeof param === "function" ? (param as () => unknown)() : param)),
    );
    const { Plan: plan } = row!["QUERY PLAN"][0];
    least = Math.min(least, plan["Shared Hit Blocks"]! + plan["Shared Read Blocks"]!);
  }
  return least;
};

/** Partitions of the history since an id, those of today and next week included. */
const partitionsSince = (days: number): number => Math.ceil((days + 1) / 7) + 2;

it.each([0, 1, 13, 29.9])("locks at most 60 relations for an id made %d days ago", async (days) => {
  const ended = await finished(`ended ${days}`, days, days / 2);
  const unknown = idOf(`unknown ${days}`, ago(days));
  const live = idOf(`live ${days}`, ago(days));
  await enqueueMany(db, [item(live)], false, null);
  const calls: Record<string, (tx: Db) => Promise<unknown>> = {
    "enqueue of a new id": (tx) => enqueueMany(tx, [item(unknown)], false, null),
    "enqueue of one that is live": (tx) => enqueueMany(tx, [item(live)], false, null),
    "enqueue of one that has ended": (tx) => enqueueMany(tx, [item(ended)], false, null),
    "enqueue with a unique key": (tx) => enqueueMany(tx, [{ ...item(unknown), uniqueKey: "key" }], false, null),
    "enqueue of 100": (tx) =>
      enqueueMany(
        tx,
        Array.from({ length: 100 }, (_, n) => item(idOf(`${n}`, ago((days * n) / 100)))),
        false,
        null,
      ),
    retry: (tx) => revive(tx, ended, 1, null),
    "retry of an unknown one": (tx) => revive(tx, unknown, 1, null),
    cancel: (tx) => cancel(tx, live, null),
    "cancel of one that has ended": (tx) => cancel(tx, ended, null),
    "get of a live one": (tx) => getJob(tx, live, null),
    "get of one that has ended": (tx) => getJob(tx, ended, null),
    "get of an unknown one": (tx) => getJob(tx, unknown, null),
  };
  const locks: Record<string, number> = {};
  for (const [name, call] of Object.entries(calls)) locks[name] = await locksOf(db, call);
  if (process.env["FORGEQ_SHOW"] !== undefined) console.log(days, locks);
  for (const [name, locked] of Object.entries(locks)) expect(locked, name).toBeLessThanOrEqual(60);
});

it.each([60, 400, 3_000])("locks four more for each partition since for an id made %d days ago", async (days) => {
  const ended = await finished(`ended ${days}`, days, days - 1);
  const most = 60 + 4 * partitionsSince(days - 30);
  for (const call of [
    (tx: Db) => revive(tx, ended, 1, null),
    (tx: Db) => cancel(tx, ended, null),
    (tx: Db) => tx.query("select from forgeq.newest_life($1, now())", [ended]),
    (tx: Db) => tx.query("select from forgeq.attempts_of(array[$1::uuid], now())", [ended]),
    (tx: Db) => tx.query("select from forgeq.lives_of($1, 1, 20, now())", [ended]),
  ])
    expect(await locksOf(db, call)).toBeLessThanOrEqual(most);
  expect(await getJob(db, ended, null)).toMatchObject({ id: ended, state: "dead", attempts: [{ outcome: "dead" }] });
});

it("locks the partition that a job ends in, and no other, whoever ends it", async () => {
  const enqueue = async (count: number) =>
    enqueueMany(
      db,
      Array.from({ length: count }, () => item(uuidV7())),
      true,
      null,
    );
  const begin = async (): Promise<LeaseHolder & { readonly ids: readonly string[] }> => {
    await enqueue(2);
    const claimed = { queue: "plain", claimId: uuidV7(), maxJobs: 10, watermarks: null, blockedTypes: [] };
    const { leases } = await claim(db, { ...claimed, dispatchSeconds: 60, at: null });
    const holder = { leaseId: leases[0]!.id, begunBy: uuidV7() };
    const begun = await beginLease(db, { ...holder, leaseSeconds: 60, invocation: "test", at: null });
    return { ...holder, ids: begun === "lease_lost" ? [] : begun.jobs.map(({ id }) => id) };
  };
  for (const outcome of ["completed", "dead", "retry", "released"] as const) {
    const { ids, ...held } = await begin();
    const ended = ids.map((id) => ({ id, outcome }));
    const work = (tx: Db) => settle(tx, held, ended, null);
    expect(await locksOf(db, work), outcome).toBeLessThanOrEqual(60);
    expect(await work(db)).toMatchObject({ outcome: "settled" });
  }
  await begin();
  const late = new Date(Date.now() + 100_000);
  expect(await locksOf(db, (tx) => recover(tx, 10, late)), "recover").toBeLessThanOrEqual(60);
});

it("reads a few buffers for an id of a caller", async () => {
  const days = 29;
  const ended = await finished("buffers", days, 1);
  let n = 0;
  const fresh = () => idOf(`buffers ${(n += 1)}`, ago(days));
  const buffers = {
    enqueued: await buffersOf("select from forgeq.enqueue('plain', '{}', id => $1)", [fresh]),
    repeated: await buffersOf("select from forgeq.enqueue('plain', '{}', id => $1)", [ended]),
    ended: await buffersOf("select from forgeq.newest_life($1, now())", [ended]),
    attempts: await buffersOf("select from forgeq.attempts_of(array[$1::uuid], now())", [ended]),
    lives: await buffersOf("select from forgeq.lives_of($1, 1, 20, now())", [ended]),
    retried: await buffersOf("select from forgeq.retry($1, 2)", [ended]),
    cancelled: await buffersOf("select from forgeq.cancel($1)", [ended]),
  };
  if (process.env["FORGEQ_SHOW"] !== undefined) console.log(buffers);
  for (const [name, read] of Object.entries(buffers)) expect(read, name).toBeLessThanOrEqual(100);
});

it("looks at no partition of years ago when a tick makes and drops partitions", async () => {
  await db.query("update forgeq.queue set retention_days = 3650");
  const buffers = {
    ensured: await buffersOf("select forgeq.ensure_partitions()", []),
    purged: await buffersOf("select from forgeq.purge()", []),
    bounds: await buffersOf("select from forgeq.history_bounds(now() - interval '1 day', now())", []),
  };
  if (process.env["FORGEQ_SHOW"] !== undefined) console.log(buffers);
  for (const [name, read] of Object.entries(buffers)) expect(read, name).toBeLessThanOrEqual(150);
});

it("reads what ended in the last seconds by time, also before the planner knows of a new partition", async () => {
  await db.query(
    `insert into forgeq.job_history (id, finished_at, created_at, state, life, priority, attempt, max_attempts, queue, type)
     select forgeq.id_of(n::text, at), at, at, case n % 50 when 0 then 'dead' else 'completed' end::forgeq.finished_state, 1, 5, 1, 1, 'plain', 'plain'
     from generate_series(1, 60000) as n
     cross join lateral (select now() - make_interval(secs => 60000 - n) as at) t`,
  );
  await db.query(
    `select brin_summarize_new_values(i.indexrelid)
     from forgeq.partitions_of('job_history') p
     join pg_index i on i.indrelid = ('forgeq.' || p.name)::regclass
     join pg_class c on c.oid = i.indexrelid and c.relam = (select oid from pg_am where amname = 'brin')
     where p.from_at between now() - interval '20 days' and now()`,
  );
  const since = (seconds: number, more: string) =>
    `select from forgeq.finished_since(now() - make_interval(secs => ${seconds}), 100, ${more}, now())`;
  const buffers = [
    await buffersOf(since(11, "null, null, null"), []),
    await buffersOf(since(11, "'plain', 'plain', 'dead'"), []),
    await buffersOf(since(11, "'none', null, null"), []),
    await buffersOf(since(11, "null, 'none', 'dead'"), []),
  ];
  if (process.env["FORGEQ_SHOW"] !== undefined) console.log(buffers);
  for (const read of buffers) expect(read).toBeLessThanOrEqual(150);
  expect(await locksOf(db, (tx) => tx.query(since(11, "null, null, null")))).toBeLessThanOrEqual(20);
  const ends = (await finishedWithin(db, 3600, { limit: 5 }, null)).map(({ finishedAt }) => finishedAt!.getTime());
  expect(ends).toEqual([...ends].sort((a, b) => a - b));
  expect(ends.at(-1)).toBeGreaterThan(Date.now() - 60_000);
  expect(await finishedWithin(db, 3600, { limit: 7, state: "dead", type: "plain" }, null)).toHaveLength(7);
  expect(await finishedWithin(db, 3600, { limit: 7, state: "pending" }, null)).toEqual([]);
  expect(await finishedWithin(db, 3600, { limit: 7, queue: "none" }, null)).toEqual([]);
});
