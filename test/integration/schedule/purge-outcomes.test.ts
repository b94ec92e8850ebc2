import { expect, it } from "vitest";
import { defineQueue } from "../../../lib/core/define.ts";
import { purge } from "../../../lib/db/protocol/maintenance.ts";
import { createApi } from "../../../lib/functions/create-api.ts";
import { syncDefinitions } from "../../../lib/queue/manage/sync-definitions.ts";
import { forgeq } from "../../support/cli/cli.ts";
import { buffersOf } from "../../support/database/buffers.ts";
import { ALL_SCOPES, send } from "../../support/http/http.ts";
import { plain, setup as setUp, unlimited } from "../../support/queue.ts";

const DAY = 86_400;
const brief = defineQueue({ name: "plain", maxInFlight: null, retentionDays: { completed: 1, cancelled: 3 } });

/** A job of each outcome in each of the last twelve days, in two queues of which one keeps completed jobs a day and cancelled ones three. */
const setup = async () => {
  const s = await setUp({ jobs: [plain], queues: [brief] });
  await s.db.query("insert into forgeq.queue (name) values ('other')");
  await s.db.query("select forgeq.ensure_partitions(0, $1)", [s.at(-7 * DAY)]);
  await s.db.query("select forgeq.ensure_partitions(0, $1)", [s.at(-12 * DAY)]);
  await s.db.query(
    `insert into forgeq.job_history (id, finished_at, created_at, state, life, priority, attempt, max_attempts, queue, type)
     select gen_random_uuid(), t, t, state, 1, 5, 2, 3, queue, 'plain'
     from (select $1::timestamptz - make_interval(days => n, mins => 30) as t from generate_series(0, 11) n) days
     cross join unnest(enum_range(null::forgeq.finished_state)) as s(state)
     cross join unnest('{plain,other}'::text[]) as q(queue)`,
    [s.at(0)],
  );
  await s.db.query(
    "insert into forgeq.job_attempt (job_id, life, number, outcome, ended_at) select id, 1, 1, 'retry', created_at from forgeq.job_history",
  );
  const purgeAll = async (seconds: number) => {
    let jobs = 0;
    for (let more = true; more;) {
      const purged = await purge(s.db, 5_000, s.at(seconds));
      jobs += purged.jobs;
      more = purged.more;
    }
    return jobs;
  };
  const kept = async () => {
    const rows = await s.db.query<{ queue: string; state: string; n: number }>(
      "select queue, state::text, count(*)::int as n from forgeq.job_history group by 1, 2",
    );
    return Object.fromEntries(rows.map(({ queue, state, n }) => [`${queue} ${state}`, n]));
  };
  return { ...s, purgeAll, kept };
};

const OTHERS = { "other completed": 12, "other dead": 12, "other cancelled": 12 };

it("deletes the finished jobs of an outcome that is kept for fewer days, with their attempts, and no others", async () => {
  const s = await setup();
  await s.purgeAll(0);
  const kept = { ...OTHERS, "plain completed": 1, "plain cancelled": 3, "plain dead": 12 };
  expect(await s.kept()).toEqual(kept);
  expect(await s.db.query("select count(*)::int as n from forgeq.job_attempt")).toEqual([{ n: 36 + 16 }]);
  // Nothing more is due in the next minutes, and nothing is written.
  const before = await s.db.query("select xmin, queue, state from forgeq.outcome_retention order by state");
  expect(await s.purgeAll(300)).toBe(0);
  expect(await s.db.query("select xmin, queue, state from forgeq.outcome_retention order by state")).toEqual(before);
  expect(await s.purgeAll(DAY)).toBe(2);
  expect(await s.kept()).toEqual({ ...OTHERS, "plain cancelled": 2, "plain dead": 12 });
});

it("goes on where it was when the days change, and ends with the option", async () => {
  const s = await setup();
  await s.purgeAll(0);
  const sync = (retentionDays: Parameters<typeof defineQueue>[0]["retentionDays"]) =>
    syncDefinitions(
      s.db,
      [plain],
      [defineQueue({ name: "plain", maxInFlight: null, retentionDays: retentionDays! })],
      s.at(0),
    );
  await sync({ completed: 1, cancelled: 3, dead: 5 });
  expect(await s.purgeAll(0)).toBe(7);
  expect(await s.kept()).toMatchObject({ "plain dead": 5 });
  await sync(30);
  expect(await s.db.query("select * from forgeq.outcome_retention")).toEqual([]);
  expect(await s.purgeAll(4 * DAY)).toBe(0);
});

it("costs a purge with nothing due nothing where no queue has it", async () => {
  const s = await setUp({ jobs: [plain], queues: [unlimited] });
  await purge(s.db, 5_000, s.at(0));
  await purge(s.db, 5_000, s.at(0));
  const buffers = await buffersOf(s.db, "select * from forgeq.purge(5000, $1)", [s.at(0)]);
  expect(await s.db.query("select * from forgeq.outcome_retention")).toEqual([]);
  expect(buffers).toBeLessThanOrEqual(20);
});

it("is shown by the API and the command line", { timeout: 60_000 }, async () => {
  const s = await setUp({ jobs: [plain], queues: [brief], realClock: true });
  const api = createApi(s.deps, ALL_SCOPES, () => Promise.resolve([plain]));
  const { body } = await send(api, { path: "/queues/plain" });
  expect(body).toMatchObject({
    retention_days: 30,
    code: { retention_days: 30, outcome_days: { completed: 1, cancelled: 3 } },
  });
  const { stdout } = await forgeq(["queues", "list"], { env: { DATABASE_URL: s.url, COLUMNS: "300" } });
  expect(stdout).toContain("30d (cancelled 3d, completed 1d)");
});
