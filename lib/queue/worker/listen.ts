import type { Db } from "../../db/drivers/client.ts";
import type { ConnectOptions } from "../../db/drivers/connect.ts";
import { listenForHints, type Listener, type NotListening } from "../../db/protocol/listen.ts";
import type { Logger } from "../deps.ts";
import type { Worker } from "./worker.ts";

const AGAIN = "this worker polls, every few seconds, and tries again";
const REASONS: Record<NotListening, string> = {
  broken: `the connection that listens for jobs broke, or can't be had: ${AGAIN}`,
  silent: `the connection that listens for jobs is silent: ${AGAIN}`,
  pooled:
    "there is a pooler between this worker and Postgres, so it can't listen for jobs: it polls, every few seconds. A direct connection starts jobs sooner",
};

/** What a worker that ends asks for at last is answered by then, or the database is away. */
const LOOK_MS = 5_000;

/** Waits for a promise, `ms` at most. */
const within = async (ms: number, promise: Promise<unknown>): Promise<void> => {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, ms);
  await Promise.race([promise, late.promise]).finally(() => clearTimeout(timer));
};

/** Says once why notifications don't arrive, and that they do again. */
const createSay = (logger: Pick<Logger, "info" | "warn">) => {
  let said: NotListening | null = null;
  return (works: boolean, why: NotListening = "broken"): void => {
    if (works && said !== null) logger.info("this worker listens for jobs again");
    if (!works && said !== "pooled" && (said === null || why === "pooled")) logger.warn(REASONS[why]);
    said = works ? null : said === "pooled" ? said : why;
  };
};

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
  logger?: Pick<Logger, "info" | "warn">,
): Listener => {
  const say = logger && createSay(logger);
  let closing: Promise<boolean> | undefined;
  const listener: Listener = listenForHints(
    options,
    db,
    {
      hint: ({ seconds, queue }) => worker.hint(seconds, queue),
      cancel: worker.cancelRequested,
      change: (works, why) => {
        worker.listens(works, () => listener.reopen());
        if (closing === undefined) say?.(works, why);
        onChange(works);
      },
    },
    { worker: worker.id, address: worker.address, take: worker.push, probed: worker.probed, ignored: worker.ignored },
  );
  const close = async (longestMs?: number): Promise<boolean> => {
    worker.listens(false);
    const heard = await listener.close(longestMs);
    // Where the database is away, too, the leases expire.
    await within(LOOK_MS, worker.findLostPushes()).catch(() => undefined);
    return heard;
  };
  return { reopen: listener.reopen, close: (longestMs) => (closing ??= close(longestMs)) };
};

/** Pushes that are under way when a worker is told to stop arrive in this time as a rule, and are run. */
const HEARS_MS = 2_000;

/** Stops a worker, and what it listens with. A push whose commit takes longer is given back, no attempt counted, when it arrives within the grace period. */
export const stopListening = async (listener: Listener | null, worker: Worker, graceMs: number): Promise<boolean> => {
  const heard = listener?.close(graceMs);
  if (heard !== undefined) await within(HEARS_MS, heard);
  return worker.stop(graceMs, heard);
};
