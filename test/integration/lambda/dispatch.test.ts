import { describe, expect, it } from "vitest";
import { defineQueue } from "../../../lib/core/define.ts";
import { recover } from "../../../lib/db/protocol/leases.ts";
import { wakeWanted } from "../../../lib/db/protocol/wake.ts";
import { cancelJob } from "../../../lib/queue/manage/cancel-job.ts";
import { pauseQueue, resumeQueue, setQueue } from "../../../lib/queue/manage/manage-queues.ts";
import { retryJob } from "../../../lib/queue/manage/retry-job.ts";
import { dispatchers } from "../../support/lambda/dispatcher.ts";

const create = dispatchers();

describe("wakes", () => {
  it("a thousand concurrent enqueues invoke a handful of dispatchers", async () => {
    const d = await create();
    await Promise.all(Array.from({ length: 1_000 }, () => d.enqueue()));
    expect(d.wakes()).toBe(1);
    await d.run();
    expect(await d.lateness()).not.toContain(null);
  });

  it("none is sent while a dispatcher is active, or waits for that instant or an earlier one", async () => {
    const d = await create();
    await d.enqueue({ delaySeconds: 60 });
    expect(d.wakes()).toBe(1);
    const runAt = d.at(60);
    d.onSleep(async () => {
      d.onSleep(null);
      for (let n = 0; n < 20; n += 1) await d.enqueue({ runAt });
      await d.enqueue({ delaySeconds: 90 });
      expect(d.wakes()).toBe(1);
      await d.enqueue({ delaySeconds: 30 });
      expect(d.wakes()).toBe(2);
      await d.db.query("select forgeq.dispatcher_mark(gen_random_uuid(), 'active', null, $1)", [d.at(0)]);
      await d.enqueue();
      expect(d.wakes()).toBe(2);
    });
    await d.run();
  });

  it("are sent again half a second after one that came to nothing", async () => {
    const d = await create();
    expect(await wakeWanted(d.db, 0, d.at(0))).toBe(true);
    expect(await wakeWanted(d.db, 0, d.at(0.4))).toBe(false);
    expect(await wakeWanted(d.db, 0, d.at(0.5))).toBe(true);
  });

  it("a crashed dispatcher is believed for five seconds", async () => {
    const d = await create();
    await d.db.query("select forgeq.dispatcher_mark(gen_random_uuid(), 'active', null, $1)", [d.at(0)]);
    expect(await wakeWanted(d.db, 0, d.at(4.9))).toBe(false);
    expect(await wakeWanted(d.db, 0, d.at(5))).toBe(true);
  });

  it("cause no error in an enqueue when they fail", async () => {
    const d = await create({ invoker: { invoke: () => Promise.reject(new Error("no network")) } });
    expect(await d.enqueue()).toHaveLength(1);
  });

  it("come from retry by hand, resume, a raised limit, and what ends a job of a full queue", async () => {
    const d = await create({ queues: [defineQueue({ name: "plain", maxInFlight: 1 })] });
    const woken = async (act: () => Promise<unknown>): Promise<number> => {
      d.move(10);
      const before = d.wakes();
      await act();
      return d.wakes() - before;
    };
    const [first] = await d.queue.enqueue(1);
    await cancelJob(d.outside, first!);
    expect(await woken(() => retryJob(d.outside, first!))).toBe(1);
    expect(await woken(() => pauseQueue(d.outside, "plain"))).toBe(0);
    expect(await woken(() => resumeQueue(d.outside, "plain"))).toBe(1);
    expect(await woken(() => setQueue(d.outside, "plain", { maxInFlight: 1 }))).toBe(1);
    await d.queue.enqueue(1);
    await d.queue.claim();
    expect((await recover(d.db, 10, d.at(d.now() + 100))).wakeSeconds).toBe(0);
  });
});

describe("short delays", () => {
  it("are waited for inside one invocation, to the second", async () => {
    const d = await create();
    await d.enqueue({ delaySeconds: 7 });
    await d.enqueue({ delaySeconds: 119 });

    expect(await d.run()).toMatchObject({ jobs: 2, ended: "idle" });

    expect(await d.lateness()).toEqual([0, 0]);
    expect(d.now()).toBeLessThan(123);
  });

  it("leave what is due later to the tick", async () => {
    const d = await create();
    await d.enqueue({ delaySeconds: 125 });
    expect(d.wakes()).toBe(0);
    expect(await d.run()).toMatchObject({ jobs: 0, ended: "idle" });
  });

  it("of a paused queue are not waited for", async () => {
    const d = await create();
    await d.enqueue({ delaySeconds: 7 });
    await pauseQueue(d.outside, "plain");
    expect(await d.run()).toMatchObject({ jobs: 0, ended: "idle" });
  });

  it("are relayed when the invocation is too old to wait for them", async () => {
    const d = await create();
    d.onSleep(async () => {
      d.onSleep(null);
      await d.enqueue({ delaySeconds: 40 });
    });
    await d.enqueue({ delaySeconds: 5 });
    d.invocations.length = 0;
    // 45 s: a new one may wait for 25, and 35 are left after the first job.
    expect(await d.run({}, 45)).toMatchObject({ ended: "idle" });
    expect(d.wakes()).toBe(0);

    const fresh = await create();
    await fresh.enqueue({ delaySeconds: 30 });
    fresh.onSleep(async () => {
      fresh.onSleep(null);
      await fresh.enqueue({ delaySeconds: 64 });
    });
    fresh.invocations.length = 0;
    expect(await fresh.run({}, 60)).toMatchObject({ ended: "relayed", jobs: 1 });
    expect(fresh.wakes()).toBe(1);
    expect(await fresh.run({}, 60)).toMatchObject({ ended: "idle", jobs: 1 });
    expect(await fresh.lateness()).toEqual([0, 0]);
  });

  it("are kept after a relay until the next dispatcher is there", async () => {
    const d = await create();
    await d.enqueue({ delaySeconds: 30 });
    for (const delaySeconds of [35, 35.5, 36.5, 50]) await d.enqueue({ delaySeconds });
    d.invocations.length = 0;
    // 52 s: at 32 it is too old to wait for the next ones.
    d.onSleep(async () => {
      if (d.wakes() === 1 && d.now() > 36) {
        d.onSleep(null);
        await d.db.query("select forgeq.dispatcher_mark(gen_random_uuid(), 'active', null, $1)", [d.at(d.now())]);
      }
    });
    expect(await d.run({}, 52)).toMatchObject({ ended: "relayed", jobs: 3 });
    const late = await d.lateness();
    expect(late.slice(3)).toEqual([null, null]);
    for (const seconds of late.slice(0, 3)) expect(seconds).toBeLessThanOrEqual(0.2);
  });

  it("end with the other when another dispatcher waits for the same", async () => {
    const d = await create();
    await d.enqueue({ delaySeconds: 60 });
    await d.db.query("select forgeq.dispatcher_mark(gen_random_uuid(), 'waiting', 60, $1)", [d.at(0)]);
    d.move(1);
    expect(await d.run()).toMatchObject({ ended: "another_waiting", jobs: 0 });
  });
});

describe("time", () => {
  it("ends with a relay when it is up, with work left", async () => {
    const d = await create();
    await d.enqueue({}, 20);
    expect(await d.run({}, 9)).toMatchObject({ ended: "relayed", jobs: 0 });
    expect(d.wakes()).toBe(2);
    expect(await d.run()).toMatchObject({ ended: "idle", jobs: 20 });
  });

  it("ends immediately where another dispatcher is active", async () => {
    const d = await create();
    await d.enqueue();
    await d.db.query("select forgeq.dispatcher_mark(gen_random_uuid(), 'active', null, $1)", [d.at(0)]);
    expect(await d.run()).toMatchObject({ ended: "another_active", jobs: 0 });
    expect(d.statements).toEqual(["due_schedules", "dispatcher_mark"]);
  });
});

describe("order", () => {
  it("is by priority, then by run_at, and one place of a large claim is the oldest job's", async () => {
    const d = await create();
    const [old] = await d.queue.enqueue(1, { priority: 9, runAt: d.at(-100) });
    const urgent = await d.queue.enqueue(30, { priority: 0, runAt: d.at(-1) });
    const first = (await d.queue.claim(10)).leases;
    const claimed = await d.db.query<{ id: string }>("select unnest(job_ids) as id from forgeq.lease");
    expect(first).toHaveLength(1);
    expect(claimed.map((row) => row.id)).toContain(old);
    expect(claimed.filter((row) => urgent.includes(row.id))).toHaveLength(9);
  });

  it("finds backdated and late-committed jobs with the next sweep, at most 5 s later", async () => {
    const d = await create();
    await d.enqueue();
    let added = false;
    d.onSleep(async () => {
      if (added || d.now() === 0) return;
      added = true;
      await d.queue.enqueue(1, { runAt: d.at(-3_600) });
    });
    // Active all the time, as under load.
    d.beforeStatement(async (_, text) => {
      if (text.includes("forgeq:claim") && d.now() < 8) await d.queue.enqueue(1);
    });
    await d.run();
    const [late] = await d.db.query<{ seconds: number }>(
      `select extract(epoch from l.created_at - $1::timestamptz)::float8 as seconds
       from forgeq.job j join forgeq.lease l on j.id = any (l.job_ids) where j.run_at < $1::timestamptz - interval '1 minute'`,
      [d.at(0)],
    );
    expect(late!.seconds).toBeLessThanOrEqual(5.1);
  });
});
