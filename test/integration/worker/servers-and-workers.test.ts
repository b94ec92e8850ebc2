import type { Role } from "../../../lib/db/schema/role-names.ts";
import { expect, it } from "vitest";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { enqueueMany } from "../../../lib/db/protocol/enqueue.ts";
import { forgeq, makeProject, type RunningCli, startForgeq } from "../../support/cli/cli.ts";
import { createTestDatabase } from "../../support/database/database.ts";
import { logIn } from "../../support/database/roles.ts";
import { miscounted, strays } from "../../support/queue.ts";
import { until } from "../../support/worker/worker.ts";

const LIMIT = 6;
const JOBS_PER_KILL = 60;

// Every transaction that makes leases says what it saw of the queue at its end: before PostgreSQL 18 as the role of its session.
const RECORD = [
  "create table public.seen (jobs bigint not null)",
  `create function public.record_seen() returns trigger language plpgsql security definer as $$ begin
     insert into public.seen select sum(open_jobs) from forgeq.lease; return null; end $$`,
  `create constraint trigger record_seen after insert on forgeq.lease deferrable initially deferred
     for each row execute function public.record_seen()`,
];

const count = async (db: Db, query: string, params: readonly unknown[] = []): Promise<number> =>
  Number((await db.query<{ n: string }>(query, params))[0]?.n);

const slotsFired = (db: Db) =>
  count(
    db,
    `select (select count(*) from forgeq.job where metadata ? 'slot_at')
          + (select count(*) from forgeq.job_history where metadata ? 'slot_at') as n`,
  );

it(
  "two servers and four workers: each slot fires once, limits hold, and killing any of them loses nothing",
  { timeout: 180_000 },
  async () => {
    const s = await createTestDatabase();
    const { db } = s;
    const project = await makeProject(db, { maxInFlight: LIMIT, leaseSeconds: 2 });
    for (const statement of RECORD) await db.query(statement);
    const as = async (...roles: Role[]) => ({
      cwd: project.folder,
      env: { DATABASE_URL: (await logIn(s, roles)).url },
    });
    const [asServer, asWorker, asManager] = [await as("enqueue", "manage"), await as("worker"), await as("manage")];
    const server = () => startForgeq(["server", "--port", "0"], asServer);
    const worker = () => startForgeq(["worker", "--concurrency", "5"], asWorker);
    const kinds = [server, worker, worker, server, worker, worker];
    const running = kinds.map((start): RunningCli => start());
    await Promise.all(running.map((each) => each.said(/ready/)));
    const rule = ["--cron", "* * * * * *", "--type", "tally", "--payload", '{"ms":1}'];
    expect(await forgeq(["schedules", "create", "beat", ...rule], asManager)).toMatchObject({ code: 0 });

    for (const [index, start] of kinds.entries()) {
      const ids = Array.from({ length: JOBS_PER_KILL }, () => uuidV7());
      await enqueueMany(
        db,
        ids.map((id) => ({ id, type: "tally", payload: { ms: 40 } })),
        true,
        null,
      );
      const victim = running[index]!;
      const fired = await slotsFired(db);
      await until(async () => (await slotsFired(db)) > fired);
      if (start === worker)
        await until(
          async () =>
            (await count(db, "select count(*) as n from forgeq.lease where invocation like $1", [
              `%:${victim.child.pid}`,
            ])) > 0 || (await count(db, "select count(*) as n from forgeq.job where claim_id is null")) === 0,
        );
      victim.child.kill("SIGKILL");
      await victim.ended;
      running[index] = start();
    }
    expect(await forgeq(["schedules", "pause", "beat"], asManager)).toMatchObject({ code: 0 });
    await until(async () => (await count(db, "select count(*) as n from forgeq.job")) === 0);

    const slots = await db.query<{ at: number }>(
      "select extract(epoch from (metadata ->> 'slot_at')::timestamptz)::int as at from forgeq.job_history where metadata ? 'slot_at' order by 1",
    );
    expect(slots.length).toBeGreaterThanOrEqual(kinds.length);
    expect(slots.map(({ at }) => at - slots[0]!.at)).toEqual(slots.map((_, n) => n));

    const history = await db.query<{ id: string; state: string }>("select id, state::text from forgeq.job_history");
    expect(history).toHaveLength(kinds.length * JOBS_PER_KILL + slots.length);
    expect(history.filter(({ state }) => state !== "completed")).toEqual([]);
    const expired = await db.query<{ id: string }>(
      "select distinct job_id as id from forgeq.job_attempt where outcome = 'lease_expired'",
    );
    const repeated = [...project.completions()].filter(([, times]) => times > 1).map(([id]) => id);
    expect(expired.map(({ id }) => id)).toEqual(expect.arrayContaining(repeated));
    const most = await count(db, "select max(jobs) as n from public.seen");
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(LIMIT);
    expect([await strays(db), await miscounted(db)]).toEqual([0, 0]);
  },
);
