import { defineQueue } from "../../../lib/core/define.ts";
import type { JobDefinition } from "../../../lib/core/job.ts";
import type { Db } from "../../../lib/db/drivers/client.ts";
import type { Deps, InvokeOutcome } from "../../../lib/queue/deps.ts";
import { runLease } from "../../../lib/queue/lambda/run-lease.ts";
import { plain, setup, type Setup, type SetupOptions } from "../queue.ts";

export const DISPATCHER = "forgeq-test-dispatcher";
export const HANDLER = "forgeq-test-handler-plain";

/** `plain`, a job an invocation. */
export const single: JobDefinition = { ...plain, batchSize: 1, concurrency: 1 };
export const JOB = { type: "plain", payload: { n: 1 } };

export const limitedTo = (maxInFlight: number) => [defineQueue({ name: "plain", maxInFlight })];

/** The dependencies of who hands jobs off himself. */
export const eagerly = (s: Setup, db: Db = s.db): Deps => ({
  ...s.deps,
  db,
  config: { ...s.deps.config, eager: true },
});

/** An invoker that answers as it is told, and what it was asked. */
export const answeringWith = (...outcomes: InvokeOutcome[]) => {
  const asked: string[] = [];
  const invoke = (functionName: string) => {
    asked.push(functionName);
    const outcome = functionName === DISPATCHER ? "accepted" : (outcomes.shift() ?? "accepted");
    return Promise.resolve({ outcome });
  };
  return { invoker: { invoke }, asked };
};

/** A queue whose callers hand jobs off, with the statements that they send. */
export const setupEager = async (options: SetupOptions = {}) => {
  const s = await setup(options);
  const statements: string[] = [];
  const query: Db["query"] = (text, params) => {
    statements.push(/forgeq:(\w+)/.exec(text)?.[1] ?? text);
    return s.db.query(text, params);
  };
  const deps = eagerly(s, { ...s.db, query });
  const run = (event: unknown) =>
    runLease(deps, plain, () => Promise.resolve(null), {
      leaseId: (event as { lease_id: string }).lease_id,
      invocation: "request",
      remainingMs: () => 60_000,
    });
  const invoked = () => s.invocations.map(({ functionName }) => functionName);
  const leases = () =>
    s.db.query<{ id: string; jobs: number }>("select id, open_jobs as jobs from forgeq.lease order by id");
  return { ...s, deps, statements, run, invoked, leases };
};
