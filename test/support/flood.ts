import * as z from "zod";
import { defineJob, defineQueue } from "../../lib/core/define.ts";
import type { Db } from "../../lib/db/drivers/client.ts";
import type { Deps, Invoker } from "../../lib/queue/deps.ts";
import { dispatch } from "../../lib/queue/lambda/dispatch.ts";
import { enqueueJobs } from "../../lib/queue/enqueue/enqueue-jobs.ts";
import { runLease } from "../../lib/queue/lambda/run-lease.ts";
import { violations } from "./database/invariants.ts";
import { setup } from "./queue.ts";

export interface Flood {
  readonly jobs: number;
  readonly limit: number;
  readonly dispatchers: number;
  /** Of this many jobs one fails at its first attempt. */
  readonly failEvery: number;
}

const TYPES = ["mail", "page", "report"].map((type, index) =>
  defineJob({
    type,
    queue: "flood",
    payload: z.object({ n: z.number() }),
    batchSize: index + 1,
    retry: { maxAttempts: 3, backoff: { type: "fixed", seconds: 0, jitter: "none" } },
  }),
);

// Every transaction that makes leases says what it saw of the queue at its end, and that row is on record.
const RECORD = [
  "create table public.seen (jobs bigint not null, at timestamptz not null)",
  `create function public.record_seen() returns trigger language plpgsql as $$ begin
     insert into public.seen select sum(open_jobs), clock_timestamp() from forgeq.lease where queue = 'flood'; return null; end $$`,
  `create constraint trigger record_seen after insert on forgeq.lease deferrable initially deferred
     for each row execute function public.record_seen()`,
];

/**
 * Jobs of three types, some failing once, through the real dispatcher and the real handler loop in this process. The dispatchers
 * do not spare each other: each believes that it is the only one, so all of them claim concurrently. No tick runs.
 */
export const runThroughDispatchers = async ({ jobs, limit, dispatchers, failEvery }: Flood) => {
  const s = await setup({ jobs: TYPES, queues: [defineQueue({ name: "flood", maxInFlight: limit })], realClock: true });
  for (const statement of RECORD) await s.db.query(statement);
  const definitions = new Map(TYPES.map((definition) => [definition.type, definition]));
  const attempts = new Map<number, number>();
  const running = new Set<Promise<unknown>>();
  let done = 0;

  const work = (payload: { n: number }): Promise<unknown> => {
    const attempt = (attempts.get(payload.n) ?? 0) + 1;
    attempts.set(payload.n, attempt);
    if (payload.n % failEvery === 0 && attempt === 1) return Promise.reject(new Error("once"));
    done += 1;
    return Promise.resolve(payload.n);
  };
  const alone: Db = {
    ...s.db,
    query: <Row>(text: string, params?: readonly unknown[]) =>
      text.startsWith("/* forgeq:dispatcher_mark */")
        ? Promise.resolve([{ mine: params?.[1] !== "waiting" }] as Row[])
        : s.db.query<Row>(text, params),
  };
  const invoker: Invoker = {
    invoke: (name, event) => {
      const definition = definitions.get(name.replace("forgeq-test-handler-", ""));
      if (definition !== undefined) {
        const ran = runLease(handlerDeps, definition, work, {
          leaseId: (event as { lease_id: string }).lease_id,
          invocation: "in process",
          remainingMs: () => 60_000,
        }).finally(() => running.delete(ran));
        running.add(ran);
      }
      return Promise.resolve({ outcome: "accepted" });
    },
  };
  const handlerDeps: Deps = { ...s.deps, invoker };
  const deps: Deps = { ...s.deps, db: alone, invoker };

  for (let from = 0; from < jobs; from += 500) {
    await enqueueJobs(
      { ...s.deps, config: { ...s.deps.config, dispatcherFunction: null } },
      Array.from({ length: Math.min(500, jobs - from) }, (_, index) => ({
        type: TYPES[(from + index) % TYPES.length]!.type,
        payload: { n: from + index },
        priority: index % 10,
      })),
    );
  }
  let highest = 0;
  const sample = async (): Promise<void> => {
    while (done < jobs) {
      const [row] = await s.db.query<{ n: number }>("select coalesce(sum(open_jobs), 0)::int as n from forgeq.lease");
      highest = Math.max(highest, row?.n ?? 0);
    }
  };
  const dispatcher = async (): Promise<void> => {
    while (done < jobs) await dispatch(deps, {}, () => 300_000);
  };
  await Promise.all([sample(), ...Array.from({ length: dispatchers }, dispatcher)]);
  await Promise.all(running);

  const states = await s.db.query<{ state: string; n: number }>(
    "select state::text, count(*)::int as n from forgeq.job_history group by 1",
  );
  return {
    highest,
    aboveLimit: await s.db.query("select * from public.seen where jobs > $1", [limit]),
    violations: await violations(s.db),
    states: Object.fromEntries(states.map((row) => [row.state, row.n])),
    ranTwice: [...attempts].filter(([n, count]) => count !== (n % failEvery === 0 ? 2 : 1)),
    failedOnce: [...attempts].filter(([, count]) => count === 2).length,
  };
};
