import { defineJob, defineQueue } from "../../lib/core/define.ts";
import { connectDb } from "../../lib/db/drivers/connect.ts";
import type { Db } from "../../lib/db/drivers/client.ts";
import { enqueueMany } from "../../lib/db/protocol/enqueue.ts";
import { uuidV7 } from "../../lib/core/uuid.ts";
import { dispatch } from "../../lib/queue/lambda/dispatch.ts";
import { runInvocation } from "../../lib/queue/lambda/run-invocation.ts";
import { syncDefinitions } from "../../lib/queue/manage/sync-definitions.ts";
import { createBench } from "../measure.ts";
import { depsFor } from "../deps.ts";
import { payloadOf } from "../system.ts";
import { noop } from "../systems/forgeq.ts";
import type { Study } from "../study.ts";

const REMAINING_MS = 300_000;

const counted = (db: Db): { readonly db: Db; readonly statements: () => number } => {
  let statements = 0;
  return {
    db: {
      ...db,
      query: (text, params) => {
        statements += 1;
        return db.query(text, params);
      },
    },
    statements: () => statements,
  };
};

/** One dispatcher and the handlers that it invokes, each invocation in this process; counts invocations and statements. */
const drainBy = async (url: string, jobs: number, batchSize: number, maxInFlight: number | null, drain: boolean) => {
  const opened = await connectDb({ url, max: 16, statementSeconds: 60 });
  const { db, statements } = counted(opened);
  const definition = defineJob({ type: "noop", payload: noop.payload, batchSize, drain });
  await syncDefinitions(db, [definition], [defineQueue({ name: "noop", maxInFlight })]);
  await opened.query("truncate forgeq.job, forgeq.lease, forgeq.job_history");
  for (let n = 0; n < jobs; n += 1_000) {
    const items = Array.from({ length: Math.min(1_000, jobs - n) }, (_, i) => ({
      id: uuidV7(),
      type: "noop",
      payload: payloadOf(n + i),
    }));
    await enqueueMany(opened, items, true, null);
  }
  const before = statements();
  let invocations = 1;
  const running = new Set<Promise<unknown>>();
  const deps = {
    ...depsFor(db),
    invoker: {
      invoke: (_: string, event: unknown) => {
        invocations += 1;
        const { lease_id: leaseId } = event as { lease_id: string };
        const input = { leaseId, invocation: String(invocations), remainingMs: () => REMAINING_MS };
        const run = runInvocation(deps, definition, () => Promise.resolve(null), input).finally(() =>
          running.delete(run),
        );
        running.add(run);
        return Promise.resolve({ outcome: "accepted" as const });
      },
    },
  };
  const startedMs = performance.now();
  await dispatch(deps, {}, () => REMAINING_MS);
  await Promise.all(running);
  const seconds = (performance.now() - startedMs) / 1000;
  const [row] = await opened.query<{ n: number }>(
    "select count(*)::int as n from forgeq.job_history where state = 'completed'",
  );
  await opened.close();
  if (row?.n !== jobs) throw new Error(`${row?.n} of ${jobs} jobs completed`);
  return {
    jobs,
    batchSize,
    maxInFlight,
    drain,
    jobsPerSecond: Math.round(jobs / seconds),
    invocationsPerJob: Math.round((invocations / jobs) * 1e5) / 1e5,
    statementsPerJob: Math.round(((statements() - before) / jobs) * 1e5) / 1e5,
  };
};

export const lambdaPath: Study = async (servers, say) => {
  const bench = createBench(servers);
  const url = await bench.database("forgeq");
  const found = [];
  for (const [jobs, batchSize, maxInFlight, drain] of [
    [20_000, 50, null, false],
    [20_000, 50, 100, false],
    [20_000, 50, 100, true],
    [20_000, 50, 50, true],
    [2_000, 1, null, false],
  ] as const) {
    found.push(await drainBy(url, jobs, batchSize, maxInFlight, drain));
    say(JSON.stringify(found.at(-1)));
  }
  await bench.close();
  return {
    must: { batched: { invocations: 0.03, statements: 0.1 }, single: { invocations: 1.02, statements: 2.1 } },
    found,
  };
};
