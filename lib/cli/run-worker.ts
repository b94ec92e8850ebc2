import { hostname } from "node:os";
import { formatDescription, type WorkerDescription } from "../queue/worker/describe.ts";
import { undeclaredQueues } from "../db/reads/queues.ts";
import { configure } from "../runtime.ts";
import { startListeningWorker } from "../serve/listening-worker.ts";
import { type Places, placesOf } from "../core/places.ts";
import type { QueueOptions } from "./arguments.ts";
import type { GlobalOptions } from "./command.ts";
import { UsageError } from "./failure.ts";
import { type OpenDeps, openDeps } from "./deps.ts";
import { projectHandlers } from "./handlers.ts";
import { openMailbox } from "./mailbox.ts";
import { onShutdown } from "./signals.ts";
import { printJson, say } from "./terminal.ts";
import type { WorkerMetrics } from "./worker-metrics.ts";

/** Four concurrent batches, heartbeats, housekeeping, and what it listens with. */
const MOST_CONNECTIONS = 7;
/** What an idle worker holds, besides the one that listens. */
const LEAST_CONNECTIONS = 1;

export interface WorkerCommandOptions {
  readonly concurrency?: number;
  readonly queue?: QueueOptions;
  readonly once?: boolean;
  readonly scheduler: boolean;
  readonly grace: number;
  readonly metricsPort?: number;
  readonly metricsHost: string;
}

export interface RunningWorker {
  readonly drained: Promise<void>;
  /** @returns everything ended in order */
  stop(): Promise<boolean>;
  readonly settled: Readonly<Record<string, number>>;
  /** An error that nothing caught. */
  readonly crashed: (error: unknown) => void;
  /** Jobs in this process. */
  readonly busy: () => number;
  /** Its state, what it does next, and why. */
  readonly describe: () => WorkerDescription;
}

const placesOfOptions = ({ concurrency, queue }: WorkerCommandOptions): Places => {
  const places = placesOf(queue ?? null, concurrency);
  if (places.tooMany === null) return places;
  throw new UsageError(
    `--queue ${places.tooMany}:${places.places.get(places.tooMany)} has more places than the worker runs jobs concurrently: give --concurrency ${places.places.get(places.tooMany)} or more`,
  );
};

const described = ({ queues, places }: Places): string =>
  queues?.map((queue) => (places.has(queue) ? `${queue} (${places.get(queue)} at most)` : queue)).join(", ") ??
  "all queues";

/** A misspelt queue looks like an idle one; but one that is declared later is taken from all the same. */
const warnOfUndeclared = async ({ deps }: OpenDeps, names: readonly string[]): Promise<void> => {
  if (names.length === 0) return;
  const missing = await undeclaredQueues(deps.db, names).catch(() => []);
  if (missing.length > 0) say(`Warning: there is no queue ${missing.join(", ")} yet; this worker waits for it.`);
};

/** Starts a worker on what `open` gives, woken by hints of this process and by LISTEN where the connection allows it. */
export const startWorker = async (
  options: WorkerCommandOptions & GlobalOptions,
  { concurrency, queues, places }: Places,
  open: OpenDeps,
): Promise<RunningWorker> => {
  const { database } = open;
  configure({ FORGEQ_DIR: options.dir });
  const mailbox = await openMailbox(options);
  const handlers = await projectHandlers().catch(async (error: unknown) => {
    // Open, it would keep the process from ending.
    await mailbox.close();
    throw error;
  });
  const { worker, stop } = startListeningWorker(
    open,
    {
      handlers,
      concurrency,
      queues,
      places,
      invocation: `${hostname()}:${process.pid}`,
      scheduler: options.scheduler && options.once !== true,
      once: options.once === true,
    },
    (works) => {
      if (!works && database.embedded) void database.revive().catch(() => undefined);
    },
  );
  void warnOfUndeclared(open, queues ?? []);
  return {
    drained: worker.drained,
    crashed: worker.crashed,
    busy: () => worker.busy(),
    describe: () => worker.describe(),
    get settled() {
      return Object.fromEntries(worker.settled);
    },
    stop: async () => {
      const inOrder = await stop(options.grace * 1000);
      await mailbox.close();
      return inOrder;
    },
  };
};

const serveMetrics = async (
  metrics: WorkerMetrics,
  { metricsPort = 0, metricsHost, json }: WorkerCommandOptions & GlobalOptions,
): Promise<() => Promise<void>> => {
  const { url, close } = await metrics.serve(metricsPort, metricsHost);
  if (json === true) printJson({ metrics_url: url });
  say(`Metrics on ${url}`);
  return close;
};

/** `kill -USR2` shows the worker's state, for whoever wonders why nothing happens. */
const onStateRequest = (describe: () => WorkerDescription | null): void => {
  process.on("SIGUSR2", () => {
    const description = describe();
    say(description === null ? "The worker has not started yet." : formatDescription(description));
  });
};

/** An error that nothing caught ends the worker in order: what runs has its grace, and the attempt that has thrown it ends with it. Exit code 1. */
const onUncaught = ({ crashed }: RunningWorker, stop: () => Promise<unknown>): void => {
  process.on("uncaughtException", (error: unknown) => {
    crashed(error);
    process.exitCode = 1;
    // As Node prints it; thrown by a handler, it may quote what it was given.
    console.error(error);
    const end = (): void => process.exit(1);
    stop().then(end, end);
  });
};

/** `forgeq worker` */
export const runWorker = async (options: WorkerCommandOptions & GlobalOptions): Promise<void> => {
  const places = placesOfOptions(options);
  let stopping: Promise<boolean> | undefined;
  let started: { worker: RunningWorker; open: OpenDeps } | undefined;
  let closeMetrics: (() => Promise<void>) | undefined;
  const starting = Promise.withResolvers<void>();
  const stop = (): Promise<boolean> =>
    (stopping ??= (async () => {
      await starting.promise;
      const inOrder = ((await started?.worker.stop()) ?? true) && process.exitCode !== 1;
      await closeMetrics?.();
      await started?.open.close();
      return inOrder;
    })());
  onShutdown((signal) => {
    say(`${signal}: no new jobs; what runs has ${options.grace} s to end. Once more ends it immediately.`);
    return stop();
  });

  const describe = (): WorkerDescription | null => started?.worker.describe() ?? null;
  onStateRequest(describe);

  const measured =
    options.metricsPort === undefined
      ? undefined
      : (await import("./worker-metrics.ts")).createWorkerMetrics({
          concurrency: places.concurrency,
          busy: () => started?.worker.busy() ?? 0,
          describe,
        });
  const open = await openDeps(options, {
    migrate: "definitions",
    part: "worker",
    ownSignals: true,
    connections: MOST_CONNECTIONS,
    listens: options.once !== true,
    keep: options.once === true ? 0 : LEAST_CONNECTIONS,
    metrics: measured?.metrics,
  });
  try {
    // Who runs what is there and ends does not wait for a database, but learns of it by a first question.
    if (options.once === true) await undeclaredQueues(open.deps.db, []);
    closeMetrics = measured && (await serveMetrics(measured, options));
    const worker = await startWorker(options, places, open);
    started = { worker, open };
    onUncaught(worker, stop);
  } catch (error) {
    await closeMetrics?.();
    await open.close();
    throw error;
  } finally {
    starting.resolve();
  }
  say(`Worker ready: up to ${places.concurrency} jobs concurrently, ${described(places)}. Ctrl-C stops it.`);
  if (options.once !== true) return new Promise(() => undefined);
  await started.worker.drained;
  const { settled } = started.worker;
  if (!(await stop())) process.exitCode = 1;
  const counts = Object.entries(settled).map(([state, jobs]) => `${jobs} ${state}`);
  if (options.json === true) printJson({ settled });
  say(counts.length === 0 ? "Nothing was due." : `${counts.join(", ")}.`);
};
