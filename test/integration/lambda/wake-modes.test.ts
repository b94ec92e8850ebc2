import { describe, expect, it } from "vitest";
import { defineQueue } from "../../../lib/core/define.ts";
import { SCHEDULE_DEFAULTS } from "../../../lib/core/schedule.ts";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { setPaused } from "../../../lib/db/reads/queues.ts";
import type { Deps } from "../../../lib/queue/deps.ts";
import { dispatch } from "../../../lib/queue/lambda/dispatch.ts";
import { enqueueJobs } from "../../../lib/queue/enqueue/enqueue-jobs.ts";
import { createSchedule } from "../../../lib/queue/schedule/manage-schedules.ts";
import { tick, wokenTick } from "../../../lib/queue/schedule/tick.ts";
import { setup as baseSetup, type SetupOptions } from "../../support/queue.ts";

const MINUTE_MS = 60_000;
const plenty = () => 100_000;

/** A queue in one of the wake modes; `steps` is what happened: statements by name, arming, sleeping. */
const setup = async (mode: "always" | "armed", options: SetupOptions = {}) => {
  const s = await baseSetup(options);
  const steps: string[] = [];
  const armed: number[] = [];
  const startMs = Math.ceil(s.at(0).getTime() / MINUTE_MS) * MINUTE_MS + MINUTE_MS;
  const minute = (minutes: number): Date => new Date(startMs + minutes * MINUTE_MS);
  let now = minute(0);
  const db: Db = {
    ...s.db,
    query: (text, params) => {
      steps.push(/forgeq:(\w+)/.exec(text)?.[1] ?? text);
      return s.db.query(text, params);
    },
  };
  const deps: Deps = {
    ...s.deps,
    db,
    clock: () => now,
    time: { ...s.deps.time, wallMs: () => now.getTime() },
    sleep: async (seconds) => {
      steps.push("sleep");
      now = new Date(now.getTime() + seconds * 1000);
    },
    ...(mode === "armed" && {
      armer: {
        arm: async (minuteMs: number) => {
          steps.push("arm");
          armed.push((minuteMs - startMs) / MINUTE_MS);
          return { outcome: "armed" as const };
        },
      },
    }),
  };
  const wakes = () =>
    s.invocations.filter(({ functionName }) => functionName === deps.config.dispatcherFunction).length;
  const handled = () => s.invocations.filter(({ functionName }) => functionName.includes("handler")).length;
  const moveTo = (minutes: number): void => void (now = minute(minutes));
  return { ...s, db, deps, steps, armed, minute, moveTo, wakes, handled };
};

/** The process ends at a statement: it never comes back from it. */
const endingAt = (deps: Deps, name: string): Deps => ({
  ...deps,
  db: {
    ...deps.db,
    query: (text, params) =>
      text.includes(`forgeq:${name} `) ? new Promise<never>(() => undefined) : deps.db.query(text, params),
  },
});

const job = (extra: object = {}) => ({ type: "plain", payload: {}, ...extra });

const until = async (holds: () => Promise<boolean>): Promise<void> => {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5));
};

describe("a crash between the commit of an enqueue and its wake", () => {
  it.each(["always", "armed"] as const)("leaves a job that starts all the same: %s", async (mode) => {
    const { db, deps, armed, minute, moveTo, wakes, handled } = await setup(mode);
    void enqueueJobs(endingAt(deps, "wake_wanted"), [job()]);
    await until(async () => (await db.query("select from forgeq.job")).length === 1);
    expect(wakes()).toBe(0);

    // In the mode always a tick comes within a minute; armed, when it was armed to come.
    if (mode === "armed") expect(armed).toEqual([1]);
    moveTo(1);
    await wokenTick(deps, mode === "armed" ? minute(2) : null, plenty);
    expect(wakes()).toBe(1);
    await dispatch(deps, {}, plenty);
    expect(handled()).toBe(1);
  });

  it.each(["always", "armed"] as const)("also of a job that is due later: %s", async (mode) => {
    const { db, deps, armed, minute, moveTo, wakes } = await setup(mode);
    void enqueueJobs(endingAt(deps, "wake_wanted"), [job({ delaySeconds: 100 })]);
    await until(async () => (await db.query("select from forgeq.job")).length === 1);
    moveTo(1);
    await wokenTick(deps, mode === "armed" ? minute(armed[0]! + 1) : null, plenty);
    expect(wakes()).toBe(1);
  });

  it("in the middle of a tick leaves a wake to come", async () => {
    const { deps, armed, moveTo } = await setup("armed");
    await enqueueJobs(deps, [job()]);
    moveTo(2);
    armed.length = 0;
    const before = deps.db;
    void tick(endingAt(deps, "recover"), plenty);
    await until(async () => armed.length > 0);
    expect(armed).toEqual([3]);
    await before.query("select 1");
  });
});

describe("arming", () => {
  it("comes before the insert, and again for the minute before a job that is due later", async () => {
    const { deps, steps, armed } = await setup("armed");
    await enqueueJobs(deps, [job({ delaySeconds: 630 })]);
    expect(steps).toEqual(["arm", "enqueue", "arm"]);
    expect(armed).toEqual([1, 9]);
  });

  it("that fails fails nothing else", async () => {
    const { db, deps } = await setup("armed");
    const failing = { ...deps, armer: { arm: async () => ({ outcome: "failed" as const, message: "no" }) } };
    await enqueueJobs(failing, [job({ delaySeconds: 630 })]);
    expect(await db.query("select from forgeq.job")).toHaveLength(1);
  });

  it("does nothing in the mode always", async () => {
    const { deps, steps } = await setup("always");
    await enqueueJobs(deps, [job({ delaySeconds: 630 })]);
    expect(steps).toEqual(["enqueue"]);
  });

  it("by a tick is for the earliest of next job, next slot and lease expiry; for nothing it is not done", async () => {
    const { deps, armed, queue, moveTo, minute } = await setup("armed");
    const armedBy = async (minutes: number) => {
      armed.length = 0;
      moveTo(minutes);
      await tick(deps, plenty);
      return [...new Set(armed)];
    };
    expect(await armedBy(0)).toEqual([]);

    await queue.enqueue(1, { runAt: minute(50) });
    expect(await armedBy(0)).toEqual([49]);
    await createSchedule(deps, {
      ...SCHEDULE_DEFAULTS,
      name: "one",
      cron: `${minute(20).getUTCMinutes()} * * * *`,
      type: "plain",
    });
    expect(await armedBy(0)).toEqual([19]);
    expect(await armedBy(19.5)).toEqual([20]);
  });

  it("by a tick that finds a lease is for its expiry", async () => {
    const { deps, armed, queue } = await setup("armed");
    await queue.enqueue();
    await queue.claim();
    await tick({ ...deps, clock: () => null, time: { ...deps.time, wallMs: () => Date.now() } }, plenty);
    expect(new Set(armed).size).toBe(1);
  });

  it("leaves out what a limit or a pause holds back", async () => {
    const single = defineQueue({ name: "plain", maxInFlight: 1 });
    const { db, deps, armed, queue, wakes } = await setup("armed", { queues: [single] });
    await queue.enqueue(3);
    await setPaused(db, "plain", true);
    await tick(deps, plenty);
    expect([armed, wakes()]).toEqual([[], 0]);

    await setPaused(db, "plain", false);
    const held = await queue.lease(1);
    await db.query("update forgeq.lease set expires_at = $1", [new Date(deps.clock()!.getTime() + 30 * MINUTE_MS)]);
    await tick(deps, plenty);
    expect([...new Set(armed), wakes()]).toEqual([29, 0]);

    // What frees a place wakes.
    expect((await queue.claim()).outcome).toBe("full");
    expect((await queue.settle(held, "completed")).wakeSeconds).toBe(0);
  });

  it("by a tick whose database is away is for the next minute", async () => {
    const { deps, armed } = await setup("armed");
    const away = { ...deps, db: { ...deps.db, query: () => Promise.reject(new Error("away")) } };
    await expect(wokenTick(away, null, plenty)).rejects.toThrow("away");
    expect(armed).toEqual([1]);
  });
});

it("an armed wake touches no database before its instant", async () => {
  const { deps, steps, minute, moveTo } = await setup("armed");
  moveTo(0.25);
  await wokenTick(deps, minute(1), plenty);
  expect(steps[0]).toBe("sleep");
  expect(deps.clock()).toEqual(minute(1));
  steps.length = 0;
  await wokenTick(deps, minute(1), plenty);
  expect(steps).not.toContain("sleep");
});
