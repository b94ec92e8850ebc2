import { connectDb, type ConnectOptions } from "../db/drivers/connect.ts";
import { warmUp } from "../db/drivers/warm.ts";
import type { Deps, Metrics } from "../queue/deps.ts";
import { createWorkerHints, type WorkerHints } from "../queue/wake/worker-hints.ts";
import { connection, poolSize, runtime, useDb } from "../runtime.ts";
import type { GlobalOptions } from "./command.ts";
import { type OpenDatabase, openDatabase, type Wanted } from "./database.ts";
import { commandLogger } from "./log.ts";

/** How long a process waits at its end for the export of its spans. */
const FLUSH_MS = 5_000;

const noMetrics: Metrics = { count: () => undefined, observe: () => undefined, flush: () => undefined };

export interface OpenDeps {
  readonly deps: Deps;
  readonly hints: WorkerHints;
  readonly database: OpenDatabase;
  readonly connection: ConnectOptions;
  close(): Promise<void>;
}

/** What a command's use cases need, around the database that the options name. Close it at the end. */
export const openDeps = async (
  options: GlobalOptions,
  wanted: Wanted & {
    /** Of this process at most, unless FORGEQ_POOL says otherwise; 4 unless given. */
    readonly connections?: number;
    /** One of them is for notifications, and not in the pool. */
    readonly listens?: boolean;
    /** How many of the connections are open and warm as long as the process lives; none unless given. */
    readonly keep?: number;
    readonly metrics?: Metrics | undefined;
  },
): Promise<OpenDeps> => {
  const database = await openDatabase(options, wanted);
  try {
    const max = Math.max(1, poolSize(wanted.connections ?? 4) - (wanted.listens === true ? 1 : 0));
    const keep = Math.min(max, wanted.keep ?? 0);
    const options_ = { ...(await connection()), max, keep };
    const db = await connectDb(options_);
    await warmUp(db, keep, wanted.part !== "server");
    const hints = createWorkerHints(db);
    // Handlers may use it, too.
    useDb(db);
    const base = await runtime().deps();
    const { tracing } = base;
    const deps: Deps = {
      ...base,
      db,
      logger: commandLogger(options),
      // Lambda's metrics are lines on stdout, which is for data here.
      metrics: wanted.metrics ?? noMetrics,
      // A process that stays exports by itself, and what is left at its end.
      ...(tracing && { tracing: { ...tracing, flush: () => Promise.resolve() } }),
      hintWorkers: hints.hintWorkers,
    };
    return {
      deps,
      hints,
      database,
      connection: options_,
      close: async () => {
        await Promise.all([db.close(), tracing?.flush(FLUSH_MS)]);
        await database.close();
      },
    };
  } catch (error) {
    await database.close();
    throw error;
  }
};

/** Runs `work` with what it needs, and closes that whatever happens. */
export const withDeps = async <Result>(
  options: GlobalOptions,
  wanted: Wanted,
  work: (deps: Deps) => Promise<Result>,
): Promise<Result> => {
  const open = await openDeps(options, wanted);
  try {
    return await work(open.deps);
  } finally {
    await open.close();
  }
};
