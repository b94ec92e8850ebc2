import { afterAll, beforeAll } from "vitest";
import type { Sql } from "../../../lib/db/drivers/client.ts";
import type { Deps } from "../../../lib/queue/deps.ts";
import { dispatch, type DispatchReport } from "../../../lib/queue/lambda/dispatch.ts";
import type { NewJob } from "../../../lib/core/new-job.ts";
import { enqueueJobs } from "../../../lib/queue/enqueue/enqueue-jobs.ts";
import { createTestDatabase, type TestDatabase } from "../database/database.ts";
import { setup, type SetupOptions } from "../queue.ts";

export interface DispatcherOptions extends SetupOptions {
  readonly wakeMode?: Deps["config"]["wakeMode"];
}

const DISPATCHER = "forgeq-test-dispatcher";

/**
 * Dispatchers on a clock of their own: it stands still but for what they sleep, so a run of two minutes takes milliseconds
 * and is the same each time. Wakes are recorded, and run on demand.
 */
const createDispatcher = async (options: DispatcherOptions) => {
  const made = await setup(options);
  const armed: Partial<Deps> = { armer: { arm: () => Promise.resolve({ outcome: "armed" }) } };
  const outside: Deps =
    options.wakeMode === "armed"
      ? { ...made.deps, ...armed, config: { ...made.deps.config, wakeMode: "armed" } }
      : made.deps;
  const s = { ...made, deps: outside };
  let nowSeconds = 0;
  const slept: number[] = [];
  const statements: string[] = [];
  let beforeStatement: ((index: number, text: string) => Promise<void>) | null = null;
  let onSleep: ((seconds: number) => Promise<void>) | null = null;

  const query: Sql["query"] = async (text, params) => {
    statements.push(/forgeq:(\w+)/.exec(text)?.[1] ?? text);
    await beforeStatement?.(statements.length - 1, text);
    return s.db.query(text, params);
  };
  const deps: Deps = {
    ...s.deps,
    db: { ...s.db, query },
    time: { ...s.deps.time, elapsedMs: () => nowSeconds * 1000 },
    sleep: async (seconds) => {
      slept.push(seconds);
      await onSleep?.(seconds);
      nowSeconds += seconds;
      s.moveTo(nowSeconds);
    },
  };
  const run = (hint: { queue?: string } = {}, livesSeconds = 300): Promise<DispatchReport> => {
    const endsAt = nowSeconds + livesSeconds;
    return dispatch(deps, hint, () => (endsAt - nowSeconds) * 1000);
  };
  const wakes = (): number => s.invocations.filter((each) => each.functionName === DISPATCHER).length;

  return {
    ...s,
    /** Use cases outside of the dispatcher: not counted as its statements. */
    outside: s.deps,
    dispatcherDeps: deps,
    run,
    /** Jobs of type `plain`, with their wakes. */
    enqueue: (more: Partial<NewJob> = {}, count = 1) =>
      enqueueJobs(
        s.deps,
        Array.from({ length: count }, () => ({ type: "plain", payload: {}, ...more })),
      ),
    /** Runs a dispatcher for each wake that was sent and not run yet, as the platform would. */
    runWoken: async (): Promise<number> => {
      let ran = 0;
      for (; ran < wakes(); ran += 1) await run();
      return ran;
    },
    slept,
    statements,
    wakes,
    now: () => nowSeconds,
    move: (seconds: number) => {
      nowSeconds += seconds;
      s.moveTo(nowSeconds);
    },
    /** Called before each statement of a dispatcher. */
    beforeStatement: (hook: typeof beforeStatement) => (beforeStatement = hook),
    /** Called when a dispatcher begins to sleep. */
    onSleep: (hook: typeof onSleep) => (onSleep = hook),
    /** Types of the handlers invoked so far. */
    handled: () =>
      s.invocations
        .filter((each) => each.functionName !== DISPATCHER)
        .map((each) => each.functionName.replace("forgeq-test-handler-", "")),
    /** Seconds after they were due at which jobs were last claimed; null for one that waits. */
    lateness: () =>
      s.db
        .query<{ late: number | null }>(
          `select extract(epoch from l.created_at - j.run_at)::float8 as late
           from forgeq.job j left join forgeq.lease l on l.claim_id = j.claim_id and j.id = any (l.job_ids) order by j.run_at, j.id`,
        )
        .then((rows) => rows.map((row) => row.late)),
  };
};

export type Dispatcher = Awaited<ReturnType<typeof createDispatcher>>;

/** For the tests of one file, which share a database: makes a dispatcher on it, emptied. */
export const dispatchers = () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());
  return (options: DispatcherOptions = {}): Promise<Dispatcher> => createDispatcher({ database, ...options });
};
