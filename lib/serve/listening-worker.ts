import type { ConnectOptions } from "../db/drivers/connect.ts";
import type { Deps } from "../queue/deps.ts";
import type { WorkerHints } from "../queue/wake/worker-hints.ts";
import { listenForWorker, stopListening } from "../queue/worker/listen.ts";
import { createWorker, type Worker, type WorkerOptions } from "../queue/worker/worker.ts";

export interface ListeningWorker {
  readonly worker: Worker;
  /** Takes nothing more, and lets what runs end. @returns everything ended in order */
  readonly stop: (graceMs: number) => Promise<boolean>;
}

/**
 * A worker that is woken by the hints of its process, and by LISTEN where the connection allows it.
 *
 * @param onChange - told whether notifications arrive
 */
export const startListeningWorker = (
  {
    deps,
    hints,
    connection,
  }: { readonly deps: Deps; readonly hints: WorkerHints; readonly connection: ConnectOptions },
  options: WorkerOptions,
  onChange: (works: boolean) => void = () => undefined,
): ListeningWorker => {
  const worker = createWorker(deps, options);
  hints.subscribe(worker.hint);
  const listens = deps.db.driver === "pg" && options.once !== true;
  const listener = listens ? listenForWorker(connection, deps.db, worker, onChange, deps.logger) : null;
  return { worker, stop: (graceMs) => stopListening(listener, worker, graceMs) };
};
