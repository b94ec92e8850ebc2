import type { Db } from "../../../lib/db/drivers/client.ts";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import { enqueueMany } from "../../../lib/db/protocol/enqueue.ts";
import { type RunningCli, startForgeq, type Tally } from "../cli/cli.ts";
import { logIn } from "../database/roles.ts";
import { until } from "./worker.ts";

export interface Restarts {
  readonly restarts: number;
  readonly jobs: number;
  readonly workers: number;
  readonly signal: "SIGTERM" | "SIGKILL";
  /** Jobs that follow each, enqueued by the one before; none unless given. */
  readonly hops?: number;
  /** Jobs of one call: 1,000 unless given. A few are pushed to workers. */
  readonly callJobs?: number;
}

export interface RestartReport {
  readonly states: Readonly<Record<string, number>>;
  /** Jobs that began more than once. */
  readonly runTwice: number;
  /** Jobs that completed with an attempt beyond the first. */
  readonly attemptsBurned: number;
  readonly leasesExpired: number;
  readonly exitCodes: readonly (number | string | null)[];
}

const enqueue = async (db: Db, count: number, { hops = 0, callJobs = 1_000 }: Restarts): Promise<void> => {
  for (let left = count; left > 0; left -= callJobs) {
    const items = Array.from({ length: Math.min(left, callJobs) }, () => ({
      id: uuidV7(),
      type: "tally",
      payload: { ms: 5, hops },
    }));
    await enqueueMany(db, items, true, null, true);
  }
};

/** Ends worker processes by a signal and starts new ones in their place, again and again, while jobs flow; then lets all jobs end. */
export const restartWorkers = async (db: Db, url: string, project: Tally, plan: Restarts): Promise<RestartReport> => {
  const { hops = 0 } = plan;
  const { url: workerUrl } = await logIn({ db, url }, ["worker"]);
  const start = (): RunningCli =>
    startForgeq(["worker", "--concurrency", hops === 0 ? "20" : "100", "--grace", "30s", "--json"], {
      cwd: project.folder,
      env: { DATABASE_URL: workerUrl },
    });
  const exitCodes: (number | string | null)[] = [];
  let restarted = 0;
  const lane = async (): Promise<RunningCli> => {
    for (let worker = start(); ; worker = start()) {
      await worker.said(/Worker ready/);
      if (restarted >= plan.restarts) return worker;
      restarted += 1;
      if ((plan.callJobs ?? Infinity) <= 5) {
        await until(async () => {
          const offers = await db.query(
            "select from forgeq.worker_capacity where invocation like $1 and until > clock_timestamp()",
            [`%:${worker.child.pid}`],
          );
          return offers.length > 0;
        });
      }
      await enqueue(db, Math.floor(plan.jobs / plan.restarts), plan);
      // In the middle of its work: it has begun a job of its own.
      await until(async () => {
        const [row] = await db.query<{ busy: boolean }>(
          "select exists (select from forgeq.lease where invocation like $1) or not exists (select from forgeq.job) as busy",
          [`%:${worker.child.pid}`],
        );
        return row?.busy === true;
      });
      worker.child.kill(plan.signal);
      const { code, signal } = await worker.ended;
      exitCodes.push(code ?? signal);
    }
  };
  await enqueue(db, plan.jobs - Math.floor(plan.jobs / plan.restarts) * plan.restarts, plan);
  const last = await Promise.all(Array.from({ length: plan.workers }, lane));
  await until(async () => {
    const [row] = await db.query<{ left: number }>("select count(*)::int as left from forgeq.job");
    return row?.left === 0;
  });
  for (const worker of last) worker.child.kill("SIGTERM");
  for (const { code, signal } of await Promise.all(last.map(({ ended }) => ended))) exitCodes.push(code ?? signal);

  const states = await db.query<{ state: string; n: number }>(
    "select state::text, count(*)::int as n from forgeq.job_history group by 1",
  );
  const [burned] = await db.query<{ n: number }>(
    "select count(*)::int as n from forgeq.job_history where attempt <> 1",
  );
  const [expired] = await db.query<{ n: number }>(
    "select count(*)::int as n from forgeq.job_attempt where outcome = 'lease_expired'",
  );
  return {
    states: Object.fromEntries(states.map(({ state, n }) => [state, n])),
    runTwice: [...project.runs().values()].filter((times) => times > 1).length,
    attemptsBurned: burned?.n ?? -1,
    leasesExpired: expired?.n ?? -1,
    exitCodes,
  };
};
