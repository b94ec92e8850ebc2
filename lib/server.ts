/** `forgeq/server`: the HTTP API with its dashboard, and workers, in processes of one's own. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { hostname } from "node:os";
import { byName } from "./core/aliases.ts";
import type { JobDefinition, QueueDefinition } from "./core/job.ts";
import { parseBasePath } from "./core/web-settings.ts";
import { fetchHandler } from "./http/fetch-adapter.ts";
import { nodeListener } from "./http/node-adapter.ts";
import type { HttpHandler } from "./http/stack.ts";
import type { RunnableHandler } from "./queue/run/run-job.ts";
import type { Handler } from "./queue/worker/leases.ts";
import { createHttpApi } from "./serve/http-api.ts";
import { startListeningWorker } from "./serve/listening-worker.ts";
import { migrateOwn } from "./serve/migrate-own.ts";
import { openOwnProcess, type OwnProcess } from "./serve/own-process.ts";
import { checkedPlaces } from "./serve/worker-places.ts";

/** What both parts are told of the database. */
interface DatabaseOptions {
  /** DATABASE_URL unless given; it counts for the whole process. */
  readonly databaseUrl?: string;
}

export interface ForgeqOptions extends DatabaseOptions {
  /** The job types that it takes. */
  readonly jobs: readonly JobDefinition[];
  /** Where it is mounted, as `/queue`; at the root unless given. */
  readonly basePath?: string;
  /** Connections at most; 10 unless given, or what FORGEQ_POOL says. */
  readonly connections?: number;
}

/** The HTTP API and the dashboard. The API keys are those of FORGEQ_API_KEYS, FORGEQ_API_KEY or FORGEQ_SECRET. */
export interface Forgeq {
  /** For Hono, and whatever else has requests of the Fetch standard. */
  readonly fetch: (request: Request) => Promise<Response>;
  /** For node:http, Express and Fastify. Nobody else may have read the request's body. */
  readonly listener: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  /** Closes the connections to the database. */
  readonly close: () => Promise<void>;
}

const CONNECTIONS = 10;

/**
 * The HTTP API of these job types, to be mounted in a server of one's own. It connects with the first request that needs the database. It does not tick:
 * a worker does, or `forgeq server`.
 *
 * @throws {ForgeqError} `internal` when the base path is not valid
 */
export const createForgeq = ({ jobs, basePath: given, databaseUrl, connections }: ForgeqOptions): Forgeq => {
  const basePath = parseBasePath(given);
  interface Opened {
    readonly own: OwnProcess;
    readonly handlerOf: ReturnType<typeof createHttpApi>;
  }
  let opening: Promise<Opened> | undefined;
  const open = async (): Promise<Opened> => {
    const own = await openOwnProcess({ databaseUrl, connections: connections ?? CONNECTIONS });
    return { own, handlerOf: createHttpApi(own.deps, jobs, { connections: own.connections, basePath }) };
  };
  // What failed is tried again by the next request.
  const opened = (): Promise<Opened> =>
    (opening ??= open().catch((error: unknown) => {
      opening = undefined;
      throw error;
    }));
  const handlerOf =
    (method: string, path: string): HttpHandler =>
    async (event, context) =>
      (await opened()).handlerOf(method, path)(event, context);
  return {
    fetch: fetchHandler(handlerOf),
    listener: nodeListener(handlerOf),
    close: async () => {
      const closing = opening;
      opening = undefined;
      await (await closing?.catch(() => undefined))?.own.close();
    },
  };
};

export interface CreateWorkerOptions extends DatabaseOptions {
  readonly handlers: readonly RunnableHandler[];
  /** Jobs that run concurrently in this process; unless given 10, or the sum of what `queues` gives, where that has a number for each. */
  readonly concurrency?: number;
  /** The queues that it takes from, all unless given: their names, or how many jobs of each run concurrently at most, null being as many as there may be. */
  readonly queues?: readonly string[] | Readonly<Record<string, number | null>>;
  /** False: it fires no schedules and leaves recovery and clean-up to others. */
  readonly scheduler?: boolean;
  /** Connections at most, one of which listens; 7 unless given, or what FORGEQ_POOL says. */
  readonly connections?: number;
}

export interface OwnWorker {
  /**
   * Takes nothing more, lets what runs end, and closes the connections.
   *
   * @param graceSeconds - after which what runs is aborted and released, no attempt counted; 30 unless given
   * @returns false when outcomes could not be written: their leases expire
   */
  stop(graceSeconds?: number): Promise<boolean>;
  /** Jobs in this process. */
  busy(): number;
  /** For a listener of `uncaughtException`, which stops the worker then: the attempt that has thrown ends with this error. */
  crashed(error: unknown): void;
}

const WORKER = { connections: 7, graceSeconds: 30 } as const;

/**
 * Runs jobs in this process, as `forgeq worker` does, and fires schedules in turns with the other workers.
 *
 * @throws {ForgeqError} `invalid_queue` - `queues` or `concurrency` can't be
 */
export const createWorker = async (options: CreateWorkerOptions): Promise<OwnWorker> => {
  const { handlers, scheduler = true, connections = WORKER.connections } = options;
  const { concurrency, queues, places } = checkedPlaces(options);
  const own = await openOwnProcess({ databaseUrl: options.databaseUrl, connections: Math.max(1, connections - 1) });
  const { worker, stop } = startListeningWorker(own, {
    handlers: byName(handlers as readonly Handler[]),
    concurrency,
    queues,
    places,
    scheduler,
    invocation: `${hostname()}:${process.pid}`,
  });
  return {
    busy: () => worker.busy(),
    crashed: worker.crashed,
    stop: async (graceSeconds = WORKER.graceSeconds) => {
      const inOrder = await stop(graceSeconds * 1000);
      await own.close();
      return inOrder;
    },
  };
};

export interface MigrateOptions extends DatabaseOptions {
  readonly jobs: readonly JobDefinition[];
  /** Queues whose limits are not the defaults. */
  readonly queues?: readonly QueueDefinition[];
}

/** Brings the database's schema, types, queues and schedules up to date, as `forgeq migrate` does: once for each deploy. */
export const migrate = ({ jobs, queues = [], databaseUrl }: MigrateOptions): Promise<void> =>
  migrateOwn({ jobs, queues, databaseUrl });
