import { beforeAll, describe, expect, it } from "vitest";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import { cancelMany, deleteMany, MAX_MANY, rescheduleMany, retryMany } from "../../../lib/db/protocol/many-jobs.ts";
import { claim } from "../../../lib/db/protocol/leases.ts";
import { buffersOf } from "../../support/database/buffers.ts";
import { fillHistory } from "../../support/database/fill.ts";
import { violations } from "../../support/database/invariants.ts";
import { type Setup, setup } from "../../support/queue.ts";

/** Free, leased, running, dead, completed, cancelled and unknown jobs. */
const scene = async () => {
  const s = await setup();
  const [free, later] = await s.queue.enqueue(2, { delaySeconds: 60 });
  const [dead] = await s.queue.enqueue(1, { uniqueKey: "dead" });
  await s.queue.settle(await s.queue.lease(), "dead", { error: { name: "Error", message: "no" } });
  await s.queue.enqueue(1);
  const done = await s.queue.lease();
  await s.queue.settle(done, "completed");
  const [cancelled] = await s.queue.enqueue(1, { delaySeconds: 60 });
  await cancelMany(s.db, [{ id: cancelled!, life: 1 }], s.at(0));
  const [running] = await s.queue.enqueue(1);
  await s.queue.lease();
  const [leased] = await s.queue.enqueue(1);
  await s.queue.claim();
  const ids = { free, later, dead, done: done.jobIds[0], cancelled, running, leased, unknown: uuidV7() };
  return { ...s, ids: ids as Record<keyof typeof ids, string> };
};

/** All jobs that are due die. */
const bury = async ({ queue }: Setup): Promise<void> => {
  for (const { id } of (await queue.claim()).leases) {
    const held = await queue.begin(id);
    if (held !== "lease_lost") await queue.settle(held, "dead");
  }
};

type Scene = Awaited<ReturnType<typeof scene>>;

/** What a call says of each job of the scene. */
const outcomes = async (
  { ids }: Scene,
  call: (jobs: { id: string; life: number }[]) => Promise<readonly { id: string; outcome: string }[]>,
  life = 1,
): Promise<Record<string, string>> => {
  const rows = await call(Object.values(ids).map((id) => ({ id, life })));
  const byId = new Map(rows.map(({ id, outcome }) => [id, outcome]));
  expect(rows).toHaveLength(Object.keys(ids).length);
  return Object.fromEntries(Object.entries(ids).map(([name, id]) => [name, byId.get(id) ?? "none"]));
};

const LIVE = ["free", "later", "running", "leased"];
const of = (names: readonly string[], outcome: string) => Object.fromEntries(names.map((name) => [name, outcome]));

describe("retry_many", () => {
  it("begins the next life of what has ended, once however often it is sent", async () => {
    const s = await scene();
    const retry = () => outcomes(s, (jobs) => retryMany(s.db, jobs, null, s.at(1)));
    const expected = {
      ...of(LIVE, "live"),
      ...of(["dead", "done", "cancelled"], "retried"),
      unknown: "not_found",
    };
    expect(await retry()).toEqual(expected);
    expect(await retry()).toEqual(expected);
    s.moveTo(1);
    for (const name of ["dead", "done", "cancelled"] as const)
      expect(await s.queue.get(s.ids[name])).toMatchObject({ state: "pending", life: 2, attempt: 0 });
    expect(await outcomes(s, (jobs) => retryMany(s.db, jobs, null, s.at(1)), 7)).toEqual({
      ...of([...LIVE, "dead", "done", "cancelled"], "stale"),
      unknown: "not_found",
    });
    expect(await violations(s.db)).toEqual([]);
  });

  it("leaves what ended after the instant that it names", async () => {
    const s = await scene();
    s.moveTo(10);
    const jobs = [{ id: s.ids.dead, life: 1 }];
    expect(await retryMany(s.db, jobs, s.at(-1), s.at(10))).toMatchObject([{ outcome: "stale" }]);
    expect(await retryMany(s.db, jobs, s.at(5), s.at(10))).toMatchObject([{ outcome: "retried" }]);
  });

  it("leaves a job whose unique key another one holds, and takes the key of the others", async () => {
    const s = await setup();
    const dead: string[] = [];
    for (const key of ["a", "b"]) {
      dead.push(...(await s.queue.enqueue(1, { uniqueKey: key })));
      await s.queue.settle(await s.queue.lease(), "dead");
    }
    const [holder] = await s.queue.enqueue(1, { uniqueKey: "b" });
    expect(
      await retryMany(
        s.db,
        dead.map((id) => ({ id, life: 1 })),
        null,
        s.at(1),
      ),
    ).toEqual([
      { id: dead[0], outcome: "retried" },
      { id: dead[1], outcome: "unique_key" },
    ]);
    expect(await s.db.query("select job_id as id from forgeq.unique_key order by key")).toEqual([
      { id: dead[0] },
      { id: holder },
    ]);
  });

  it("is one new life for each job in 20 concurrent calls, in whatever order they name them", async () => {
    const s = await setup();
    const ids = await s.queue.enqueue(40, { metadata: {} });
    await bury(s);
    const jobs = ids.map((id) => ({ id, life: 1 }));
    const calls = Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? jobs : [...jobs].reverse()));
    const answers = await Promise.all(calls.map((each) => retryMany(s.db, each, null, s.at(1))));
    for (const rows of answers) expect(new Set(rows.map(({ outcome }) => outcome))).toEqual(new Set(["retried"]));
    expect(await s.db.query("select life, count(*)::int as n from forgeq.job group by 1")).toEqual([
      { life: 2, n: 40 },
    ]);
    expect(await violations(s.db)).toEqual([]);
  });
});

describe("cancel_many", () => {
  it("cancels what nobody holds and asks for the rest, once however often it is sent", async () => {
    const s = await scene();
    const cancel = () => outcomes(s, (jobs) => cancelMany(s.db, jobs, s.at(1)));
    const expected = {
      ...of(["free", "later", "cancelled"], "cancelled"),
      ...of(["running", "leased"], "requested"),
      ...of(["dead", "done"], "finished"),
      unknown: "not_found",
    };
    expect(await cancel()).toEqual(expected);
    expect(await cancel()).toEqual(expected);
    expect(await violations(s.db)).toEqual([]);
  });

  it("leaves another life than the one that it names", async () => {
    const s = await scene();
    expect(await outcomes(s, (jobs) => cancelMany(s.db, jobs, s.at(1)), 2)).toEqual({
      ...of([...LIVE, "dead", "done", "cancelled"], "stale"),
      unknown: "not_found",
    });
  });

  it("keeps the last error of a job that has failed before", async () => {
    const s = await setup();
    const [id] = await s.queue.enqueue(1);
    await s.queue.settle(await s.queue.lease(), "retry", { error: { name: "Error", message: "first" } });
    await cancelMany(s.db, [{ id: id!, life: 1 }], s.at(1));
    expect(await s.queue.get(id!)).toMatchObject({ state: "cancelled", error: { message: "first" } });
  });
});

describe("delete_many", () => {
  it("forgets all lives and attempts of what has ended, and nothing of what is live", async () => {
    const s = await scene();
    await retryMany(s.db, [{ id: s.ids.dead, life: 1 }], null, s.at(1));
    s.moveTo(2);
    await s.queue.settle(await s.queue.lease(), "dead");
    expect(await outcomes(s, (jobs) => deleteMany(s.db, jobs, null, s.at(3)))).toEqual({
      ...of(LIVE, "live"),
      ...of(["done", "cancelled"], "deleted"),
      dead: "stale",
      unknown: "not_found",
    });
    const dead = [{ id: s.ids.dead, life: null }];
    expect(await deleteMany(s.db, dead, s.at(2), s.at(3))).toMatchObject([{ outcome: "deleted" }]);
    expect(await deleteMany(s.db, dead, null, s.at(3))).toMatchObject([{ outcome: "not_found" }]);
    expect(await s.db.query("select from forgeq.job_history union all select from forgeq.job_attempt")).toEqual([]);
    expect(await violations(s.db)).toEqual([]);
  });

  it("leaves what ended after the instant that it names", async () => {
    const s = await scene();
    const named = [{ id: s.ids.dead, life: 1 }];
    expect(await deleteMany(s.db, named, s.at(-1), s.at(3))).toMatchObject([{ outcome: "stale" }]);
  });

  it("meets retries of the same jobs: each lives on or is gone, and none has lost its history alone", async () => {
    const s = await setup();
    const ids = await s.queue.enqueue(100);
    await bury(s);
    const jobs = ids.map((id) => ({ id, life: 1 }));
    await Promise.all(
      jobs.flatMap((job) => [retryMany(s.db, [job], null, s.at(1)), deleteMany(s.db, [job], null, s.at(1))]),
    );
    const [odd] = await s.db.query<{ n: number }>(
      `select count(*)::int as n from forgeq.job j full join forgeq.job_history h on h.id = j.id
       where j.id is null or h.id is null or h.revived is not true`,
    );
    expect(odd).toEqual({ n: 0 });
  });
});

describe("reschedule_many", () => {
  it("moves what waits, once however often it is sent", async () => {
    const s = await scene();
    const to = { runAt: s.at(300), priority: 2 };
    const move = () => outcomes(s, (jobs) => rescheduleMany(s.db, jobs, to, s.at(1)));
    const expected = {
      ...of(["free", "later"], "rescheduled"),
      ...of(["running", "leased"], "held"),
      ...of(["dead", "done", "cancelled"], "finished"),
      unknown: "not_found",
    };
    expect(await move()).toEqual(expected);
    expect(await move()).toEqual(expected);
    expect(await s.queue.get(s.ids.free)).toMatchObject({ runAt: s.at(300), createdAt: s.at(0), priority: 2 });
    expect(await outcomes(s, (jobs) => rescheduleMany(s.db, jobs, to, s.at(1)), 2)).toMatchObject(of(LIVE, "stale"));
    expect(await violations(s.db)).toEqual([]);
  });

  it("takes a past instant for now, so that a claim from a mark on finds the job", async () => {
    const s = await scene();
    const job = [{ id: s.ids.free, life: 1 }];
    expect(await rescheduleMany(s.db, job, { runAt: s.at(-3600) }, s.at(7))).toMatchObject([{ dueSeconds: 0 }]);
    expect(await s.queue.get(s.ids.free)).toMatchObject({ runAt: s.at(7) });
    s.moveTo(7);
    const claimed = await claim(s.db, {
      ...{ queue: "plain", claimId: uuidV7(), maxJobs: 5, blockedTypes: [], dispatchSeconds: 90, at: s.at(7) },
      watermarks: Array.from({ length: 10 }, () => s.at(6).toISOString()),
    });
    expect(claimed.leases).toHaveLength(1);
  });

  it("refuses an instant that is more than ten years ahead", async () => {
    const s = await scene();
    const far = { runAt: new Date("2999-01-01") };
    const refused = { code: "invalid_job" };
    await expect(rescheduleMany(s.db, [{ id: s.ids.free, life: 1 }], far, s.at(1))).rejects.toMatchObject(refused);
  });
});

describe("500 jobs in a history of five weeks", () => {
  let s: Setup;
  beforeAll(async () => {
    s = await setup();
    await fillHistory(s.db, 160_000, 34);
    await s.db.query("analyze forgeq.job_history, forgeq.job");
  }, 120_000);

  /** Dead jobs, in their first life; the oldest, or the newest. */
  const dead = (order: "asc" | "desc") =>
    s.db.query<{ id: string; life: number }>(
      `select id, life from forgeq.job_history where state = 'dead' and revived is null order by id ${order} limit ${MAX_MANY}`,
    );

  it.each([
    ["retry", "select forgeq.retry_many($1::uuid[], $2::int[])"],
    ["delete", "select forgeq.delete_many($1::uuid[], $2::int[])"],
  ])("%s in under 20,000 buffers, or 30,000 before PostgreSQL 18", async (_, text) => {
    const [server] = await s.db.query<{ version: number }>(
      "select current_setting('server_version_num')::int as version",
    );
    const bound = server!.version >= 180_000 ? 20_000 : 30_000;
    for (const order of ["asc", "desc"] as const) {
      const jobs = await dead(order);
      expect(jobs).toHaveLength(MAX_MANY);
      const params = [jobs.map(({ id }) => id), jobs.map(({ life }) => life)];
      expect(await buffersOf(s.db, text, params), order).toBeLessThan(bound);
    }
  });

  it.each([
    ["reschedule", "select forgeq.reschedule_many($1::uuid[], null, null, 60)"],
    ["cancel", "select forgeq.cancel_many($1::uuid[])"],
  ])("%s in under 20,000 buffers", async (_, text) => {
    const ids = await s.queue.enqueue(MAX_MANY, { delaySeconds: 60 });
    expect(await buffersOf(s.db, text, [ids])).toBeLessThan(20_000);
  });
});
