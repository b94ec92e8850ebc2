/** Anybody who can connect may hold any advisory lock, and sees in pg_locks which there are. It stops nothing of ForgeQ. */
import { expect, it, onTestFinished } from "vitest";
import { jobs } from "../../../functions/registry.ts";
import { queues } from "../../../functions/queues.ts";
import type { Db, Sql } from "../../../lib/db/drivers/client.ts";
import { syncDefinitions } from "../../../lib/queue/manage/sync-definitions.ts";
import { forgeq, temporaryFolder } from "../../support/cli/cli.ts";
import { createTestDatabase } from "../../support/database/database.ts";
import { logIn } from "../../support/database/roles.ts";
import { sourcesOf, textOf } from "../../support/sources.ts";
import { sqlFilesOf } from "../../support/sql-sources.ts";

/** Where an advisory lock is left, and why it does no harm in the hands of somebody else. */
const HARMLESS: Record<string, string> = {
  "choose_worker.sql": "no job is pushed: workers find it when they look, within six seconds",
  "claim.sql": "its key is made for the call: only the same call, sent again, waits for it, for lock_timeout at most",
  "settle_and_take.sql": "as claim",
  "is_freeing.sql": "a full queue is called busy, and looked at again; its limit holds",
  "wants_wake.sql": "a dispatcher is woken that may find nothing",
  "may_notify.sql": "nobody is notified: workers look every six seconds",
  "test-databases.ts": "it is taken on the server of somebody's tests, where each test has a database of its own",
  "push.ts": "a worker that ends waits for the lock as long as a statement may take",
};

it("an advisory lock is taken where it is named here, and nowhere else", () => {
  const files = [...sqlFilesOf("migrations"), ...sourcesOf("lib")].filter((file) =>
    /\bpg_(?:try_)?advisory_/.test(textOf(file)),
  );
  expect(files.map((file) => file.split("/").at(-1)).sort()).toEqual(Object.keys(HARMLESS).sort());
});

const KEYS = `
select distinct ((classid::bigint << 32) | objid::bigint)::text as key from pg_locks
where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`;

const TAKE = "select pg_try_advisory_lock($1::bigint)";

const setup = async () => {
  const s = await createTestDatabase();
  // May connect, and nothing more.
  const stranger = (await logIn(s, [], 1)).db;
  return { ...s, stranger };
};

class RolledBack extends Error {}

/** The advisory locks that some work takes, which is undone. */
const locksOf = async (db: Db, work: (tx: Sql) => Promise<unknown>): Promise<string[]> => {
  let keys: { key: string }[] = [];
  await db
    .transaction(async (tx) => {
      await work(tx);
      keys = await tx.query<{ key: string }>(`${KEYS} and pid = pg_backend_pid()`);
      throw new RolledBack();
    })
    .catch((error: unknown) => {
      if (!(error instanceof RolledBack)) throw error;
    });
  return keys.map(({ key }) => key);
};

interface Case {
  readonly prepare: readonly string[];
  /** Its last column is `did`. */
  readonly call: readonly string[];
}

const MANY_QUEUES = `insert into forgeq.queue (name) select 'q' || g from generate_series(1, 70) g`;

/** What one caller at a time may do, and that it is done. */
const CASES: Record<string, Case> = {
  "a worker takes the turn to tick": { prepare: [], call: ["select forgeq.take_turn() is not null as did"] },
  "what a clock that went back left is mended": {
    prepare: ["insert into forgeq.tick_part (part, done_at) values ('fold', now() + interval '1 hour')"],
    call: ["select forgeq.check_clock() > 0 as did"],
  },
  "due queues are looked for, of many": {
    prepare: [MANY_QUEUES],
    call: [
      "select forgeq.find_queues(array['t'])",
      "select exists (select from forgeq.queue_look l where l.looked_at > now() - interval '1 minute') as did",
    ],
  },
  "the history of a queue that keeps less is purged": {
    prepare: [
      "insert into forgeq.queue (name, retention_days) values ('short', 1), ('long', 60)",
      "select forgeq.ensure_partitions(0, now() - interval '10 days')",
      `insert into forgeq.job_history (id, finished_at, created_at, state, life, priority, attempt, max_attempts, payload, queue, type)
       select gen_random_uuid(), now() - interval '10 days', now() - interval '10 days', 'completed', 1, 5, 1, 8, '{}', 'short', 't'`,
    ],
    call: ["select jobs = 1 as did from forgeq.purge_queues(100, 60, now())"],
  },
  "where free jobs begin is marked": {
    prepare: [
      "insert into forgeq.queue (name) values ('emails')",
      `insert into forgeq.job (id, run_at, priority, max_attempts, queue, type, payload, claim_id)
       select gen_random_uuid(), now() - interval '10 minutes', 5, 8, 'emails', 't', '{}', gen_random_uuid() from generate_series(1, 300)`,
    ],
    call: [
      "select forgeq.mark_jobs('', 0::smallint, 'zzz', 9::smallint)",
      "select exists (select from forgeq.job_mark) as did",
    ],
  },
  "where open leases begin is marked": {
    prepare: [
      `insert into forgeq.lease (id, claim_id, ordinal, queue, type, job_ids, open_jobs, created_at, expires_at)
       select forgeq.uuid_v7(), gen_random_uuid(), 1, 'emails', 't', array[gen_random_uuid()], 1, now(), now() + interval '1 hour'
       from generate_series(1, 20000)`,
    ],
    call: ["select forgeq.earliest_expiry()", "select exists (select from forgeq.lease_mark) as did"],
  },
};

it.each(Object.entries(CASES))("%s, whatever a stranger locks", async (_, { prepare, call }) => {
  const { db, stranger } = await setup();
  for (const text of prepare) await db.query(text);
  const run = async (sql: Sql): Promise<unknown> => {
    let rows: Record<string, unknown>[] = [];
    for (const text of call) rows = await sql.query(text);
    return rows[0]?.["did"];
  };
  for (const key of await locksOf(db, run)) await stranger.query(TAKE, [key]);
  expect(await run(db)).toBe(true);
});

it("what waits in a queue with max_pending is counted in a few rows, whatever a stranger locks", async () => {
  const { db, stranger } = await setup();
  await db.query("insert into forgeq.queue (name, max_pending) values ('capped', 100000)");
  await db.query(
    `insert into forgeq.job_type (type, queue, backoff) values ('t', 'capped', '{"type": "fixed", "seconds": 1, "jitter": "none"}')`,
  );
  const enqueue = (sql: Sql) => sql.query("select forgeq.enqueue('t', '{}')");
  for (const key of await locksOf(db, enqueue)) await stranger.query(TAKE, [key]);
  // What a stranger who knows the code would guess.
  for (const kind of [5, 22, 29])
    await stranger.query("select pg_advisory_lock(hashtextextended('capped', $1))", [kind]);
  for (let n = 0; n < 200; n += 1) await enqueue(db);
  expect(
    await db.query(
      "select jobs::int, coalesce(cardinality(deltas), 0) <= 40 as few from forgeq.waiting_jobs('capped')",
    ),
  ).toEqual([{ jobs: 200, few: true }]);
});

it(
  "a worker runs all jobs, while a stranger holds each advisory lock that it has seen",
  { timeout: 120_000 },
  async () => {
    const { db, url, stranger } = await setup();
    await syncDefinitions(db, jobs, queues);
    await db.query("update forgeq.queue set max_in_flight = 3 where name = 'emails'");
    for (let n = 0; n < 60; n += 1) await db.query(`select forgeq.enqueue('send_email', '{"email":"a@example.com"}')`);
    let watching = true;
    const held = new Set<string>();
    const watcher = (async () => {
      while (watching)
        for (const { key } of await stranger.query<{ key: string }>(KEYS)) {
          if (held.has(key)) continue;
          const [row] = await stranger.query<{ mine: boolean }>(`${TAKE} as mine`, [key]);
          if (row?.mine === true) held.add(key);
        }
    })();
    onTestFinished(async () => {
      watching = false;
      await watcher;
    });
    const { code, stderr } = await forgeq(["worker", "--once"], {
      env: { DATABASE_URL: url, FORGEQ_DIR: temporaryFolder() },
    });
    expect(code, stderr).toBe(0);
    expect(await db.query("select count(*)::int as jobs from forgeq.job_history where state = 'completed'")).toEqual([
      { jobs: 60 },
    ]);
    // Guessed as well, in case that none was held while it was looked for.
    await stranger.query(
      "select pg_advisory_lock(hashtextextended('emails', 5)), pg_advisory_lock(hashtextextended('forgeq.hint_workers', 2))",
    );
    for (let n = 0; n < 20; n += 1) await db.query(`select forgeq.enqueue('send_email', '{"email":"a@example.com"}')`);
    const again = await forgeq(["worker", "--once"], { env: { DATABASE_URL: url, FORGEQ_DIR: temporaryFolder() } });
    expect(again.code, again.stderr).toBe(0);
    expect(await db.query("select from forgeq.job")).toEqual([]);
  },
);
