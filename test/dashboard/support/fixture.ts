/** A shop on a bad morning: what the dashboard's tests and its screenshots show. */
import * as z from "zod";
import { defineJob, defineQueue } from "../../../lib/core/define.ts";
import type { AttemptError, Ended } from "../../../lib/db/protocol/settle.ts";
import { foldCounters } from "../../../lib/db/reads/metrics.ts";
import { fillHistory, fillWaiting } from "../../support/database/fill.ts";
import { type Setup, setup } from "../../support/queue.ts";

const type = (name: string, queue: string) =>
  defineJob({
    type: name,
    queue,
    payload: z.looseObject({}),
    retry: { maxAttempts: 4, backoff: { type: "fixed", seconds: 600, jitter: "none" } },
  });

export const SHOP = {
  jobs: [type("charge_card", "billing"), type("deliver_webhook", "webhooks"), type("plain", "plain")],
  queues: [
    defineQueue({ name: "billing", maxInFlight: 20 }),
    defineQueue({ name: "webhooks", maxInFlight: 10 }),
    defineQueue({ name: "plain", maxInFlight: null }),
  ],
};

const frame = (handler: string) =>
  `    at deliver (file:///app/functions/handlers/${handler}/handler.ts:14:11)\n    at async attempt (file:///app/lib/queue/run/run-job.ts:80:5)\n    at process.processTicksAndRejections (node:internal/process/task_queues:105:5)`;

const errorOf = (name: string, message: string, handler: string): AttemptError => ({
  name,
  message,
  stack: `${name}: ${message}\n${frame(handler)}`,
});

const ERRORS = {
  unavailable: (n: number) =>
    errorOf("HttpError", `503 from https://hooks.example.com/customers/${n}/events`, "deliver_webhook"),
  timeout: () => errorOf("TimeoutError", "The job took longer than 30 s", "deliver_webhook"),
  declined: (n: number) => errorOf("PermanentError", `card_declined: order ${340_000 + n}`, "charge_card"),
};

export interface Plan {
  readonly type: string;
  readonly queue: string;
  readonly jobs: number;
  readonly outcome: Ended["outcome"];
  readonly error?: (n: number) => AttemptError;
}

const PLANS: readonly Plan[] = [
  { type: "charge_card", queue: "billing", jobs: 120, outcome: "completed" },
  { type: "deliver_webhook", queue: "webhooks", jobs: 40, outcome: "completed" },
  { type: "deliver_webhook", queue: "webhooks", jobs: 26, outcome: "dead", error: ERRORS.unavailable },
  { type: "deliver_webhook", queue: "webhooks", jobs: 12, outcome: "retry", error: ERRORS.timeout },
  { type: "charge_card", queue: "billing", jobs: 9, outcome: "dead", error: ERRORS.declined },
];

/** Runs jobs to an outcome, as a worker would. */
export const run = async ({ db, queue }: Pick<Setup, "db" | "queue">, plan: Plan): Promise<string[]> => {
  const ids: string[] = [];
  for (let n = 0; n < plan.jobs; n += 1)
    ids.push(
      ...(await queue.enqueue(1, {
        type: plan.type,
        payload: { order_id: 340_000 + n, customer: { id: 66_700 + n } },
      })),
    );
  let left = plan.jobs;
  while (left > 0) {
    const { leases } = await queue.claim(100, plan.queue);
    if (leases.length === 0) throw new Error(`nothing of ${plan.queue} is due`);
    for (const { id } of leases) {
      const held = await queue.begin(id);
      if (held === "lease_lost") throw new Error("lease lost");
      for (const [n, jobId] of held.jobIds.entries())
        await queue.settle(
          { ...held, jobIds: [jobId] },
          plan.outcome,
          plan.error === undefined ? {} : { error: plan.error(n) },
        );
      left -= held.jobIds.length;
    }
  }
  await foldCounters(db, null);
  return ids;
};

/** Jobs that run: the leases stay open. */
const leaveRunning = async ({ queue }: Setup): Promise<void> => {
  await queue.enqueue(14, { type: "deliver_webhook", payload: { customer: { id: 7 } } });
  for (const { id } of (await queue.claim(4, "webhooks")).leases) await queue.begin(id, 900);
};

/**
 * @param history - finished jobs of the weeks before
 * @param hour - also what the last hour counted
 */
export const shop = async (history = 2_000, hour = false): Promise<Setup> => {
  const made = await setup({ ...SHOP, realClock: !hour });
  if (hour) await hourBefore(made);
  await fillHistory(made.db, history, 20);
  await fillWaiting(made.db, 30);
  await fillWaiting(made.db, 60, true);
  for (const plan of PLANS) await run(made, plan);
  await leaveRunning(made);
  await foldCounters(made.db, null);
  return made;
};

/** What a queue has due is taken and settled. */
const settleAll = async (
  queue: Setup["queue"],
  name: string,
  outcome: Ended["outcome"],
  extra: Partial<Ended> = {},
): Promise<void> => {
  for (;;) {
    const { leases } = await queue.claim(100, name);
    if (leases.length === 0) return;
    for (const { id } of leases) {
      const held = await queue.begin(id);
      if (held === "lease_lost") throw new Error("lease lost");
      await queue.settle(held, outcome, extra);
    }
  }
};

const MINUTES = 58;
/** So many minutes ago the first webhooks failed. */
const SINCE = 16;

/** The hour before, minute by minute, as a tick counts it: from some time on webhooks fail. Gives a clock that goes on from there. */
export const hourBefore = async ({ db, queue, at, moveTo }: Setup): Promise<void> => {
  await db.query("update forgeq.metric_state set folded_at = now() - interval '2 hours'");
  for (let minute = MINUTES; minute > 0; minute -= 1) {
    moveTo(-60 * minute);
    const jobs = 60 + Math.round(25 * Math.sin(minute / 7) + 6 * Math.sin(minute * 2));
    await queue.enqueue(jobs);
    moveTo(-60 * minute + 1 + (minute < SINCE ? (SINCE - minute) / 4 : 0));
    await settleAll(queue, "plain", "completed");
    if (minute < SINCE) {
      await queue.enqueue(8, { type: "deliver_webhook", payload: { customer: { id: minute } } });
      const error = ERRORS.unavailable(minute);
      await settleAll(queue, "webhooks", minute % 3 === 0 ? "dead" : "retry", { error, delaySeconds: 7_200 });
    }
    await foldCounters(db, at(-60 * minute + 5));
  }
  moveTo(0);
};

/** No job yet, and a tick that has just been. */
export const emptyShop = async (): Promise<Setup> => {
  const made = await setup({ ...SHOP, realClock: true });
  await foldCounters(made.db, null);
  return made;
};

/** An outage: webhooks fail for a quarter of an hour, cards wait behind their limit, and a schedule has not fired; the rest goes on. */
export const incident = async (): Promise<Setup> => {
  const made = await setup({ ...SHOP, realClock: false });
  await hourBefore(made);
  const { db, queue, moveTo } = made;
  await fillHistory(db, 4_000, 20);
  moveTo(-720);
  await queue.enqueue(64, { type: "charge_card", payload: { order_id: 341_200 } });
  moveTo(-690);
  for (const { id } of (await queue.claim(100, "billing")).leases) await queue.begin(id, 900);
  moveTo(0);
  await db.query(
    `insert into forgeq.schedule (name, id, cron, timezone, type, payload, decided_until, next_slot_at)
     values ('nightly_report', gen_random_uuid(), '0 3 * * *', 'UTC', 'plain', '{}', now() - interval '1 day', now() - interval '41 minutes')`,
  );
  await queue.enqueue(3, { type: "plain" });
  await foldCounters(db, null);
  return made;
};
