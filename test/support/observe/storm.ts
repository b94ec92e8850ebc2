import * as z from "zod";
import { defineJob, defineQueue } from "../../../lib/core/define.ts";
import { cancel, revive } from "../../../lib/db/reads/jobs.ts";
import { recover, releaseUnbegun } from "../../../lib/db/protocol/leases.ts";
import { type Ended, settle } from "../../../lib/db/protocol/settle.ts";
import { foldCounters } from "../../../lib/db/reads/metrics.ts";
import { type Counters, counters } from "./metrics.ts";
import { setup, unlimited } from "../queue.ts";

const retry = { maxAttempts: 3, backoff: { type: "fixed", seconds: 2, jitter: "none" } } as const;
const payload = z.object({}).loose();

/** Three types in two queues, one of them limited. */
export const STORM = {
  jobs: [
    defineJob({ type: "plain", queue: "plain", payload, retry, batchSize: 7 }),
    defineJob({ type: "other", queue: "plain", payload, retry, batchSize: 1 }),
    defineJob({ type: "small", queue: "narrow", payload, retry, batchSize: 20 }),
  ],
  queues: [unlimited, defineQueue({ name: "narrow", maxInFlight: 60 })],
};

const OUTCOMES = ["completed", "completed", "completed", "retry", "dead", "released", "snoozed", "timed_out"] as const;

/**
 * Runs jobs through every way an attempt can end, by eight concurrent workers: several settles per lease, handlers that crash, invokes
 * that are refused, cancels before and while they run, retries by hand. Meanwhile counters are folded and read.
 *
 * @returns the setup when every job has ended, jobs given back as throttled, and counters that were read smaller than before
 */
export const storm = async (jobs: number, random: () => number) => {
  const made = await setup(STORM);
  const { db, queue, at, moveTo } = made;
  const pick = <Value>(values: readonly Value[]): Value => values[Math.floor(random() * values.length)]!;
  let second = 0;
  let throttled = 0;
  const shrunk: string[] = [];
  let stopped = false;

  const read = async () => {
    let before: Counters = {};
    while (!stopped) {
      const now = await counters(db);
      shrunk.push(...Object.keys(before).filter((key) => (now[key] ?? 0) < before[key]!));
      before = now;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const fold = async () => {
    for (; !stopped; await new Promise((resolve) => setTimeout(resolve, 15))) await foldCounters(db, at(second));
  };
  const work = async (leaseId: string) => {
    const dice = random();
    if (dice < 0.03) return;
    if (dice < 0.1) {
      const reason = pick(["throttled", "undispatched"] as const);
      const { outcome } = await releaseUnbegun(db, {
        ...{ leaseId, reason, error: { name: "E", message: "refused" }, delaySeconds: null, at: at(second) },
      });
      if (outcome === "released" && reason === "throttled") return "throttled";
      return;
    }
    const held = await queue.begin(leaseId);
    if (held === "lease_lost" || dice < 0.15) return;
    if (dice < 0.25) await cancel(db, pick(held.jobIds) ?? leaseId, at(second));
    const half = Math.ceil(held.jobIds.length / 2);
    for (const ids of [held.jobIds.slice(0, half), held.jobIds.slice(half)]) {
      if (ids.length === 0 || random() < 0.05) continue;
      const ended: Ended[] = ids.map((id) => ({ id, outcome: pick(OUTCOMES), delaySeconds: pick([0, 1, 3]) }));
      await settle(db, held, ended, at(second));
    }
  };
  const live = async () => (await db.query<{ n: number }>("select count(*)::int as n from forgeq.job"))[0]!.n;

  const background = [read(), fold()];
  for (let stored = 0; stored < jobs || (await live()) > 0; second += 1 + Math.floor(random() * 5), moveTo(second)) {
    if (stored < jobs) {
      await Promise.all(
        [...Array(8).keys()].map(async () => {
          const type = pick(["plain", "other", "small"]);
          await queue.enqueue(1, { type, queue: type === "small" ? "narrow" : "plain" });
          const ids = await queue.enqueue(Math.ceil(jobs / 160), {
            type,
            ...(random() < 0.2 ? { delaySeconds: 5 } : {}),
          });
          if (random() < 0.3) await cancel(db, pick(ids), at(second));
          stored += ids.length + 1;
        }),
      );
    }
    await Promise.all(
      [...Array(8).keys()].map(async (n) => {
        const { leases } = await queue.claim(60, n % 4 === 0 ? "narrow" : "plain");
        for (const lease of leases) if ((await work(lease.id)) === "throttled") throttled += lease.jobs;
      }),
    );
    if (random() < 0.3) {
      second += 95;
      moveTo(second);
      await recover(db, 500, at(second));
      const dead = await db.query<{ id: string; life: number }>(
        "select id, life from forgeq.job_history where state = 'dead' and life < 3 order by random() limit 3",
      );
      for (const { id, life } of dead) await revive(db, id, life, at(second));
    }
  }
  stopped = true;
  await Promise.all(background);
  return { ...made, throttled, shrunk, now: at(second) };
};
