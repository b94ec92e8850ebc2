import { connectDb, type ConnectOptions } from "../db/drivers/connect.ts";
import type { Deps } from "../queue/deps.ts";
import { createWorkerHints, type WorkerHints } from "../queue/wake/worker-hints.ts";
import { configure, connection, poolSize, runtime, useDb } from "../runtime.ts";

/** How long a process waits at its end for the export of its spans. */
const FLUSH_MS = 5_000;

/** What a part of ForgeQ in somebody's own process works with. */
export interface OwnProcess {
  readonly deps: Deps;
  readonly hints: WorkerHints;
  readonly connection: ConnectOptions;
  readonly connections: number;
  close(): Promise<void>;
}

/**
 * Opens the database of DATABASE_URL and the other settings.
 *
 * @param wanted.databaseUrl - instead of DATABASE_URL, for the whole process
 * @param wanted.connections - at most, unless FORGEQ_POOL says otherwise; a listening worker has one more
 */
export const openOwnProcess = async (wanted: {
  readonly databaseUrl: string | undefined;
  readonly connections: number;
}): Promise<OwnProcess> => {
  if (wanted.databaseUrl !== undefined) configure({ DATABASE_URL: wanted.databaseUrl });
  const connections = poolSize(wanted.connections);
  const options = { ...(await connection()), max: connections };
  const db = await connectDb(options);
  // Handlers, and what enqueues in this process, may use it, too.
  useDb(db);
  const base = await runtime().deps();
  const hints = createWorkerHints(db);
  return {
    deps: { ...base, db, hintWorkers: hints.hintWorkers },
    hints,
    connection: options,
    connections,
    close: async () => {
      await Promise.all([db.close(), base.tracing?.flush(FLUSH_MS)]);
    },
  };
};
