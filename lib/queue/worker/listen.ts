import type { Db } from "../../db/drivers/client.ts";
import type { ConnectOptions } from "../../db/drivers/connect.ts";
import { listenForHints, type Listener } from "../../db/protocol/listen.ts";
import type { Worker } from "./worker.ts";

/**
 * Lets a worker hear of jobs that others enqueue, and receive those that are pushed to it. Close it before the worker is stopped: what is pushed
 * until then is run.
 *
 * @param onChange - told whether notifications arrive
 */
export const listenForWorker = (
  options: ConnectOptions,
  db: Db,
  worker: Worker,
  onChange: (works: boolean) => void,
): Listener => {
  const listener = listenForHints(
    options,
    db,
    {
      hint: ({ seconds, queue }) => worker.hint(seconds, queue),
      change: (works) => {
        worker.listens(works);
        onChange(works);
      },
    },
    { worker: worker.id, take: worker.push },
  );
  return {
    close: () => {
      worker.listens(false);
      return listener.close();
    },
  };
};
