/**
 * Days of virtual time through the real scheduler, dispatcher, handler and SQL. Simulated are what AWS and the database's host do:
 * events that come late, twice or never, cold starts, and a compute that suspends after five idle minutes.
 */
import type { Db } from "../../lib/db/drivers/client.ts";
import { onceAMinute } from "../../lib/queue/wake/arm.ts";
import type { Deps } from "../../lib/queue/deps.ts";
import { dispatch } from "../../lib/queue/lambda/dispatch.ts";
import { runLease } from "../../lib/queue/lambda/run-lease.ts";
import { wokenTick } from "../../lib/queue/schedule/tick.ts";
import { HOURS_PER_MONTH, PRICES, SIZES } from "./observe/prices.ts";
import { plain, setup } from "./queue.ts";
import { createVirtualTime } from "./virtual-time.ts";

export interface SimulatorOptions {
  readonly mode: "always" | "armed";
  readonly seed?: number;
  /** Parts of EventBridge's events that come twice, and of the recurring ones that never come. */
  readonly doubled?: number;
  readonly lost?: number;
  /** Seconds that one job runs. */
  readonly jobSeconds?: number;
}

const SUSPEND_SECONDS = 300;
const COLD_SECONDS = 0.6;
const WARM_SECONDS = 0.02;
const KEPT_WARM_MS = 900_000;
const MINUTE_MS = 60_000;

const randomFrom = (seed: number) => () => {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
  return seed / 2 ** 32;
};

/** Counts statements, and the seconds that a compute is up which suspends after five idle minutes. */
const meteredDb = (db: Db, nowMs: () => number, working: <R>(work: () => Promise<R>) => Promise<R>) => {
  const meter = { queries: 0, awakeSeconds: 0, resumes: 0 };
  let awakeUntilMs = -Infinity;
  const touch = () => {
    meter.queries += 1;
    if (nowMs() > awakeUntilMs) meter.resumes += 1;
    const untilMs = nowMs() + SUSPEND_SECONDS * 1000;
    meter.awakeSeconds += (untilMs - Math.max(nowMs(), awakeUntilMs)) / 1000;
    awakeUntilMs = untilMs;
  };
  const metered: Db = {
    ...db,
    query: (text, params) => (touch(), working(() => db.query(text, params))),
    transaction: (work) => (touch(), working(() => db.transaction(work))),
  };
  return { db: metered, meter };
};

export const simulate = async (options: SimulatorOptions) => {
  const { mode, seed = 1, doubled = 0.01, lost = 0.01, jobSeconds = 0.2 } = options;
  const s = await setup();
  const startMs = Math.ceil(s.at(0).getTime() / 3_600_000) * 3_600_000;
  const virtual = createVirtualTime(startMs);
  const random = randomFrom(seed);
  const { db, meter } = meteredDb(s.db, virtual.now, virtual.working);
  const invocations: Record<string, number> = { dispatcher: 0, scheduler: 0, handler: 0 };
  const runs = { gbSeconds: 0, wakes: 0 };
  const starts: { readonly runAtMs: number; readonly startedAtMs: number }[] = [];
  const warmUntilMs = new Map<string, number[]>();

  /** One asynchronous invocation, on an environment that is warm if one is free. */
  const run = (
    name: "dispatcher" | "scheduler" | "handler",
    timeoutSeconds: number,
    work: (remainingMs: () => number) => Promise<unknown>,
  ) => {
    const idle = warmUntilMs.get(name) ?? [];
    warmUntilMs.set(name, idle);
    const warm = idle.some((untilMs) => untilMs > virtual.now());
    if (warm) idle.pop();
    virtual.time.after((warm ? WARM_SECONDS : COLD_SECONDS + random() * 0.4) * 1000, () => {
      const begunMs = virtual.now();
      invocations[name] = (invocations[name] ?? 0) + 1;
      void work(() => timeoutSeconds * 1000 - (virtual.now() - begunMs)).finally(() => {
        runs.gbSeconds += SIZES.memoryGb * (0.05 + (virtual.now() - begunMs) / 1000);
        idle.push(virtual.now() + KEPT_WARM_MS);
      });
    });
  };

  const scheduler = (until: Date | null) => run("scheduler", 120, (remainingMs) => wokenTick(deps, until, remainingMs));
  const dispatcher = (event: { queue?: string }) =>
    run("dispatcher", 300, (remainingMs) => dispatch(deps, event, remainingMs));
  const handler = (leaseId: string) =>
    run("handler", 90, (remainingMs) =>
      runLease(
        deps,
        plain,
        async (_payload, job) => {
          // Time stands still meanwhile: on a busy machine the lease would expire otherwise, and the job run twice.
          const dueAt = "select run_at as at from forgeq.job where id = $1";
          const [row] = await virtual.working(() => s.db.query<{ at: Date }>(dueAt, [job.id]));
          starts.push({ runAtMs: row!.at.getTime(), startedAtMs: virtual.now() });
          await virtual.sleep(jobSeconds);
          return {};
        },
        { leaseId, invocation: "simulated", remainingMs },
      ),
    );

  const armed = new Set<number>();
  const eventBridge = {
    arm: async (minuteMs: number) => {
      if (minuteMs <= virtual.now()) throw new Error("a wake was armed for a minute that has begun");
      if (armed.has(minuteMs)) return { outcome: "armed_before" as const };
      armed.add(minuteMs);
      const fire = () => {
        runs.wakes += 1;
        scheduler(new Date(minuteMs + MINUTE_MS));
      };
      virtual.time.after(minuteMs - virtual.now() + random() * 59_000, fire);
      if (random() < doubled) virtual.time.after(minuteMs - virtual.now() + random() * 120_000, fire);
      return { outcome: "armed" as const };
    },
  };

  const deps: Deps = {
    ...s.deps,
    db,
    clock: () => new Date(virtual.now()),
    random,
    sleep: virtual.sleep,
    time: virtual.time,
    invoker: {
      invoke: async (functionName, event) => {
        if (functionName.endsWith("dispatcher")) dispatcher(event as { queue?: string });
        else handler((event as { lease_id: string }).lease_id);
        return { outcome: "accepted" };
      },
    },
    config: { ...s.deps.config, wakeMode: mode },
    ...(mode === "armed" && { armer: onceAMinute(eventBridge) }),
  };

  const recurring = (fire: () => void) => {
    const again = () => {
      if (random() >= lost) virtual.time.after(random() * 5_000, fire);
      if (random() < doubled) virtual.time.after(random() * 20_000, fire);
      virtual.time.after(MINUTE_MS, again);
    };
    virtual.time.after(random() * MINUTE_MS, again);
  };
  if (mode === "always") {
    recurring(() => scheduler(null));
    recurring(() => dispatcher({}));
  }

  /** What these hours cost, as a month of them. */
  const monthly = (hours: number) => {
    const factor = HOURS_PER_MONTH / hours;
    const total = Object.values(invocations).reduce((sum, count) => sum + count, 0);
    const database =
      (Math.min(meter.awakeSeconds, hours * 3600) / 3600) * SIZES.computeUnits * PRICES.databasePerComputeHour;
    const lambda = runs.gbSeconds * PRICES.lambdaPerGbSecond + (total / 1e6) * PRICES.lambdaPerMillionRequests;
    const scheduled = (runs.wakes / 1e6) * PRICES.schedulerPerMillionInvocations;
    return {
      awakeHours: (Math.min(meter.awakeSeconds, hours * 3600) / 3600) * factor,
      invocations: total * factor,
      lambda: (lambda + scheduled) * factor,
      database: database * factor,
    };
  };

  return {
    deps,
    virtual,
    meter,
    invocations,
    runs,
    starts,
    armed,
    monthly,
    startMs,
    lateness: () => starts.map((each) => (each.startedAtMs - each.runAtMs) / 1000),
  };
};
