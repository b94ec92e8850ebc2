import * as z from "zod";
import { describe, expect, it } from "vitest";
import { createHandler } from "../../../functions/api.ts";
import { defineJob } from "../../../lib/core/define.ts";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { foldCounters } from "../../../lib/db/reads/metrics.ts";
import { cancel, revive } from "../../../lib/db/reads/jobs.ts";
import { settle } from "../../../lib/db/protocol/settle.ts";
import { WINDOWS } from "../../../lib/http/activity-query.ts";
import { WINDOW_NAMES } from "../../../lib/queue/observe/period-stats.ts";
import { ALL_SCOPES, SECRET, send } from "../../support/http/http.ts";
import { plain, setup, type Setup, unlimited } from "../../support/queue.ts";

const JOBS = 3_000;
const INSTANTS = 10;

const mixed = defineJob({
  type: "mixed",
  queue: "mixed",
  queues: ["plain"],
  payload: z.looseObject({}),
  retry: { maxAttempts: 2 },
});

/** mulberry32. */
const seeded = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
};

interface Plain {
  readonly queue: string;
  readonly type: string;
  readonly what: string;
  readonly n: number;
}

/** What plain SQL counts, by queue, type and state; `enqueued` are lives, `failed` attempts. */
const plainly = (db: Db, now: Date): Promise<Plain[]> =>
  db.query<Plain>(
    `select queue, type, what, count(*)::int as n from (
       select j.queue, j.type, case when l.began_at is not null then 'running' when j.claim_id is not null then 'leased'
                when j.run_at > $1 then 'scheduled' else 'pending' end as what
       from forgeq.job j left join forgeq.lease l on l.claim_id = j.claim_id and j.id = any (l.job_ids)
       union all
       select queue, type, state::text from forgeq.job_history h
       where not exists (select from forgeq.job_history n where n.id = h.id and n.life > h.life) and not exists (select from forgeq.job j where j.id = h.id)
       union all select queue, type, 'ended_' || state from forgeq.job_history
       union all select queue, type, 'enqueued' from forgeq.job_history
       union all select queue, type, 'enqueued' from forgeq.job
       union all select queue, type, 'failed' from forgeq.job_attempt where outcome in ('retry', 'dead', 'timed_out', 'lease_expired')) x
     group by 1, 2, 3`,
    [now],
  );

/** A random minute of work. */
const work = async (s: Setup, random: () => number, jobs: number): Promise<void> => {
  const now = s.deps.clock();
  for (const extra of [
    {},
    { type: "mixed" },
    { type: "mixed", queue: "plain" },
    { runAt: new Date(now!.getTime() + 3_600_000) },
  ])
    await s.queue.enqueue(Math.ceil(jobs / 4), extra);
  for (const queue of ["plain", "mixed"]) {
    const { leases } = await s.queue.claim(Math.ceil(jobs / 3), queue);
    for (const { id } of leases) {
      if (random() < 0.1) continue;
      const held = await s.queue.begin(id, 3_600);
      if (held === "lease_lost") continue;
      const ended = held.jobIds
        .filter(() => random() < 0.95)
        .map((jobId) => {
          const outcome = (["completed", "completed", "retry", "dead", "snoozed"] as const)[Math.floor(random() * 5)]!;
          const error = { name: "Error", message: `order ${jobId} failed at step ${"abc"[Math.floor(random() * 3)]}` };
          return { id: jobId, outcome, ...(outcome !== "completed" && { error }) };
        });
      await settle(s.db, held, ended, now);
    }
  }
  const some = await s.db.query<{ id: string; life: number }>(
    "select id, life from forgeq.job_history where revived is null order by md5(id::text || $1) limit 8",
    [String(random())],
  );
  for (const { id, life } of some) await revive(s.db, id, life, now);
  const live = await s.db.query<{ id: string }>("select id from forgeq.job order by md5(id::text || $1) limit 8", [
    String(random()),
  ]);
  for (const { id } of live) await cancel(s.db, id, now);
};

describe("what shows activity", () => {
  it("is what plain SQL counts, at any instant, also while a fold is late", { timeout: 240_000 }, async () => {
    const s = await setup({ jobs: [plain, mixed], queues: [unlimited] });
    await s.db.query("update forgeq.queue set max_in_flight = null", []);
    await foldCounters(s.db, s.at(0));
    let elapsedMs = 0;
    const api = createHandler(
      { ...s.deps, time: { ...s.deps.time, elapsedMs: () => (elapsedMs += 1_000) } },
      ALL_SCOPES,
    );
    const get = async (path: string, query = "") => {
      const answer = await send(api, { path, query });
      expect(answer.status, path).toBe(200);
      return answer.body;
    };
    const random = seeded(20261130);
    let second = 0;
    for (let n = 0; n < INSTANTS; n += 1) {
      // The fold of every third minute is half an hour late, and some are not yet.
      second += n % 3 === 2 ? 1_800 : 60;
      s.moveTo(second);
      await work(s, random, JOBS / INSTANTS);
      if (n % 2 === 0) await foldCounters(s.db, s.at(second));
      second += 5;
      s.moveTo(second);

      const rows = await plainly(s.db, s.at(second));
      const count = (what: string, of: Partial<Plain> = {}) =>
        rows
          .filter(
            (row) => row.what === what && (of.queue ?? row.queue) === row.queue && (of.type ?? row.type) === row.type,
          )
          .reduce((sum, row) => sum + row.n, 0);
      const overview = await get("/overview");
      const { data: queues } = await get("/queues");
      for (const state of ["scheduled", "pending", "leased", "running", "dead"]) {
        expect(overview.totals[state], `${state} of /overview`).toBe(count(state));
        for (const queue of queues)
          expect(queue.jobs[state], `${state} of ${queue.name}`).toBe(count(state, { queue: queue.name }));
      }
      const counts = await get("/jobs/counts");
      for (const state of ["scheduled", "pending", "leased", "running", "dead", "cancelled"])
        expect(counts[state], `${state} of /jobs/counts`).toBe(count(state));
      for (const { queue, type, ...numbers } of counts.by) {
        expect(numbers).toEqual({
          waiting: count("scheduled", { queue, type }) + count("pending", { queue, type }),
          in_flight: count("leased", { queue, type }) + count("running", { queue, type }),
          dead: count("dead", { queue, type }),
          cancelled: count("cancelled", { queue, type }),
        });
      }
      const ofType = await get("/jobs/counts", "type=mixed");
      expect(ofType).toMatchObject({ dead: count("dead", { type: "mixed" }), scheduled: null, pending: null });
      // Its window covers all that has happened, its fold that was late, too.
      for (const [query, of] of [
        ["window=24h", {}],
        ["window=7d", {}],
        ["window=30d&type=mixed", { type: "mixed" }],
        ["window=24h&queue=plain", { queue: "plain" }],
        ["window=24h&queue=plain&type=mixed", { queue: "plain", type: "mixed" }],
      ] as const) {
        const { totals, points } = await get("/stats", query);
        const expected = {
          enqueued: count("enqueued", of),
          completed: count("ended_completed", of),
          failed: count("failed", of),
          dead: count("ended_dead", of),
          cancelled: count("ended_cancelled", of),
        };
        expect(totals, query).toMatchObject(expected);
        for (const name of Object.keys(expected) as (keyof typeof expected)[])
          expect(points.reduce((sum: number, point: typeof expected) => sum + point[name], 0)).toBe(expected[name]);
      }
      const errors = await get("/errors");
      expect(errors).toMatchObject({ attempts: count("failed"), complete: true });
      expect(errors.data.reduce((sum: number, group: { attempts: number }) => sum + group.attempts, 0)).toBe(
        errors.attempts,
      );
    }
    const errors = await get("/errors", "type=mixed");
    expect(errors.data.length).toBeGreaterThanOrEqual(3);
    for (const { fingerprint, types, jobs, dead, spark, attempts, message } of errors.data) {
      expect(message).toMatch(/^order # failed at step [abc]$/);
      expect(types).toEqual(["mixed"]);
      expect(jobs).toBeLessThanOrEqual(attempts);
      expect(spark.reduce((sum: number, n: number) => sum + n, 0)).toBe(attempts);
      const { data } = await get("/jobs", `error=${fingerprint}&state=dead&type=mixed&limit=100`);
      expect(data.length).toBeGreaterThanOrEqual(Math.min(100, dead - 8 * INSTANTS));
    }
  });

  it("spreads a late fold over the time that it covers, in whole numbers", async () => {
    const s = await setup();
    await foldCounters(s.db, s.at(0));
    s.moveTo(60);
    await s.queue.enqueue(101);
    s.moveTo(1_800);
    // What is enqueued is folded by the fold after the next one.
    await foldCounters(s.db, s.at(1_800));
    await foldCounters(s.db, s.at(1_801));
    const api = createHandler(s.deps, ALL_SCOPES);
    const { body } = await send(api, { path: "/stats", query: "window=1h" });
    const filled = body.points.filter(({ enqueued }: { enqueued: number }) => enqueued > 0);
    expect(filled.length).toBeGreaterThanOrEqual(29);
    expect(Math.max(...filled.map(({ enqueued }: { enqueued: number }) => enqueued))).toBeLessThanOrEqual(4);
    expect(body.totals.enqueued).toBe(101);
    expect(body.points).toHaveLength(60);
    // What is over is forgotten: minutes after 75 minutes, hours after 32 days.
    for (const [days, steps] of [
      [1 / 12, [900, 3600]],
      [2, [3600]],
      [33, []],
    ] as const) {
      await foldCounters(s.db, s.at(1_800 + days * 86_400));
      const left = await s.db.query<{ step: number }>(
        "select distinct step from forgeq.metric_period order by step",
        [],
      );
      expect(left.map(({ step }) => step)).toEqual(steps);
    }
  });

  it("is one read a second for all that look on, and the part of a key alone", async () => {
    const s = await setup({ jobs: [plain, mixed] });
    await s.queue.enqueue(3);
    await s.queue.enqueue(2, { type: "mixed" });
    let statements = 0;
    const counting: Db = {
      ...s.db,
      query: (text, params) => {
        statements += 1;
        return s.db.query(text, params);
      },
    };
    let elapsedMs = 0;
    const deps = { ...s.deps, db: counting, time: { ...s.deps.time, elapsedMs: () => elapsedMs } };
    const api = createHandler(deps, ALL_SCOPES);
    const answers = await Promise.all(Array.from({ length: 20 }, () => send(api, { path: "/overview" })));
    for (const { body } of answers) expect(body.totals.pending).toBe(5);
    const once = statements;
    expect(once).toBeLessThanOrEqual(8);
    elapsedMs = 999;
    await send(api, { path: "/overview" });
    expect(statements).toBe(once);
    elapsedMs = 1_000;
    await send(api, { path: "/overview" });
    expect(statements).toBe(2 * once);

    const { createHash } = await import("node:crypto");
    const sha256 = createHash("sha256").update(SECRET).digest("hex");
    const keyed = async (bound: object, path: string, query = "") =>
      (
        await send(createHandler(s.deps, JSON.stringify([{ id: "k", sha256, scopes: ["jobs:read"], ...bound }])), {
          path,
          query,
        })
      ).body;
    await s.queue.claim(1, "mixed").then(({ leases }) => s.queue.begin(leases[0]!.id));
    const queue = { queues: ["mixed"] };
    expect(await keyed(queue, "/overview")).toMatchObject({ totals: { pending: 1, running: 1 }, next_event_at: null });
    expect(await keyed(queue, "/stats")).toMatchObject({ totals: { enqueued: 2 } });
    expect(await keyed(queue, "/stats", "queue=plain")).toMatchObject({ totals: { enqueued: 0 } });
    expect(await keyed(queue, "/jobs/counts")).toMatchObject({ waiting: 1, running: 1 });
    expect((await keyed({ types: ["plain"] }, "/leases")).data).toEqual([]);
    expect((await keyed(queue, "/leases")).data).toMatchObject([{ type: "mixed", jobs: 1 }]);
    expect((await keyed(queue, "/workers")).data).toMatchObject([{ listening: false, jobs: 1, types: ["mixed"] }]);
    expect((await keyed({ types: ["plain"] }, "/types")).data).toMatchObject([{ type: "plain", declared: false }]);
    expect(await keyed({ types: ["plain"] }, "/types/mixed")).toMatchObject({ status: 404 });
    // Of a key of types alone no number is of a whole queue.
    expect(await keyed({ types: ["plain"] }, "/overview")).toMatchObject({ totals: { pending: 0 }, queues: [] });
    expect(await keyed({ types: ["plain"] }, "/jobs/counts")).toMatchObject({ waiting: 3, scheduled: null });
  });

  it("knows one list of windows", () => {
    expect(WINDOWS).toEqual(WINDOW_NAMES);
  });

  it.each([
    ["/stats", "window=2h", "/window"],
    ["/stats", "type=No", "/type/0"],
    ["/errors", "window=1h&window=24h", "/window"],
    ["/jobs/counts", "state=dead", "/state"],
    ["/leases", "limit=201", "/limit"],
    ["/leases", "cursor=abc", "/cursor"],
    ["/types", "cursor=%00", "/cursor"],
    ["/workers", "limit=1", "/limit"],
    ["/overview", "window=1h", "/window"],
  ])("%s refuses ?%s", async (path, query, pointer) => {
    const { deps } = await setup();
    const { status, body } = await send(createHandler(deps, ALL_SCOPES), { path, query });
    expect({ status, pointer: body.errors[0].pointer }).toEqual({ status: 400, pointer });
  });
});
