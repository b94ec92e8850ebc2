import { createServer } from "node:http";
import { relative, resolve } from "node:path";
import { nodeListener } from "../http/node-adapter.ts";
import type { HttpHandler } from "../http/stack.ts";
import { startTicker } from "../queue/schedule/ticker.ts";
import type { Deps } from "../queue/deps.ts";
import { configure, isConfigured, isProduction, runtime } from "../runtime.ts";
import type { GlobalOptions } from "./command.ts";
import { type OpenDeps, openDeps } from "./deps.ts";
import { UsageError } from "./failure.ts";
import { listen } from "./listen.ts";
import { loadProjectModule } from "./project.ts";
import { onShutdown } from "./signals.ts";
import { printJson, say } from "./terminal.ts";

export interface ServerCommandOptions {
  readonly port: number;
  readonly host: string;
  readonly grace: number;
  readonly scheduler: boolean;
}

export interface RunningServer {
  readonly url: string;
  stop(): Promise<boolean>;
}

interface HttpModule {
  readonly createHandler: (deps: () => Promise<Deps>, keys: () => Promise<string | undefined>) => HttpHandler;
}

const CONNECTIONS = 10;
/** Two for the concurrent statements of enqueues, and one for the hint after them. */
const KEPT = 3;
const KEEP_ALIVE_MS = 5_000;

const httpModule = async (name: string): Promise<HttpModule> => {
  const loaded = await loadProjectModule<HttpModule>(`functions/${name}.ts`);
  if (loaded === null) throw new UsageError(`there is no functions/${name}.ts here: run this in a project's folder`);
  return loaded;
};

/** Without a configured key, one that is made once and kept in the folder; in production none, and every request is refused. */
const ensureKey = async (options: GlobalOptions): Promise<string | null> => {
  const names = ["FORGEQ_API_KEYS", "FORGEQ_API_KEY", "FORGEQ_API_KEYS_PARAMETER"];
  if (isProduction() || names.some(isConfigured)) return null;
  const { localApiKey } = await import("../local/api-key.ts");
  const { privateFolder } = await import("../local/private-files.ts");
  const folder = resolve(options.dir);
  privateFolder(folder);
  configure({ FORGEQ_API_KEY: localApiKey(folder) });
  return relative(process.cwd(), `${folder}/api-key`);
};

/** Starts the HTTP API, the same functions that run on Lambda, and the scheduler. */
export const startServer = async (
  options: ServerCommandOptions & GlobalOptions,
  open: OpenDeps,
): Promise<RunningServer> => {
  const { deps } = open;
  const keyFile = await ensureKey(options);
  const [enqueue, api] = (await Promise.all([httpModule("enqueue"), httpModule("api")])).map(({ createHandler }) =>
    createHandler(
      () => Promise.resolve(deps),
      () => runtime().apiKeys(),
    ),
  ) as [HttpHandler, HttpHandler];
  const enqueues = (method: string, path: string) => method === "POST" && (path === "/jobs" || path === "/jobs/batch");
  const listener = nodeListener((method, path) => (enqueues(method, path) ? enqueue : api));
  const server = createServer(
    { keepAliveTimeout: KEEP_ALIVE_MS },
    (request, response) => void listener(request, response),
  );
  const url = await listen(server, options.port, options.host, "--port");
  if (keyFile !== null) say(`No API key is configured: the one in ${keyFile} is.`);
  const ticker = options.scheduler ? startTicker(deps) : null;
  return {
    url,
    stop: async () => {
      const closed = new Promise<void>((done) => server.close(() => done()));
      const late = setTimeout(() => server.closeAllConnections(), options.grace * 1000);
      await Promise.all([closed, ticker?.stop()]);
      clearTimeout(late);
      return true;
    },
  };
};

/** `forgeq server` */
export const runServer = async (options: ServerCommandOptions & GlobalOptions): Promise<void> => {
  let started: { server: RunningServer; open: OpenDeps } | undefined;
  const starting = Promise.withResolvers<void>();
  onShutdown(async (signal) => {
    say(`${signal}: no new requests; open ones are answered. Once more ends it immediately.`);
    await starting.promise;
    const inOrder = (await started?.server.stop()) ?? true;
    await started?.open.close();
    return inOrder;
  });
  const open = await openDeps(options, {
    migrate: "definitions",
    part: "server",
    ownSignals: true,
    connections: CONNECTIONS,
    keep: KEPT,
  });
  try {
    started = { server: await startServer(options, open), open };
  } catch (error) {
    await open.close();
    throw error;
  } finally {
    starting.resolve();
  }
  if (options.json === true) printJson({ url: started.server.url });
  say(`Server ready on ${started.server.url}. Ctrl-C stops it.`);
  await new Promise(() => undefined);
};
