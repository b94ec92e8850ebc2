import { createServer } from "node:http";
import { parseApiKeys } from "../http/api-keys.ts";
import { nodeListener } from "../http/node-adapter.ts";
import { parseRate } from "../http/rate-limit.ts";
import { parseSecrets } from "../http/stored-keys.ts";
import { SERVER_SETTINGS } from "../http/server-settings.ts";
import { refuseUnread } from "../http/unread.ts";
import { startTicker } from "../queue/schedule/ticker.ts";
import { parseWebSettings, type WebSettings } from "../core/web-settings.ts";
import { messageOf } from "../core/reason.ts";
import { createHttpApi } from "../serve/http-api.ts";
import { maxHttpConnections, runtime } from "../runtime.ts";
import type { GlobalOptions } from "./command.ts";
import { prepareDashboard } from "./dashboard-build.ts";
import { type OpenDeps, openDeps } from "./deps.ts";
import { UsageError } from "./failure.ts";
import { listen } from "./listen.ts";
import { ensureKey } from "./local-key.ts";
import { ensureSecret } from "./run-keys.ts";
import { project, projectDefinitions } from "./project.ts";
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

const CONNECTIONS = 10;
/** Two for the concurrent statements of enqueues, and one for the hint after them. */
const KEPT = 3;
/** Whether there are keys. @throws UsageError that says what is wrong with them */
const checkKeys = async (): Promise<boolean> => {
  try {
    const configured = await runtime().apiKeys();
    if (configured.rate !== undefined) parseRate(configured.rate);
    return parseApiKeys(configured).length + parseSecrets(configured.secret).length > 0;
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
};

/** @throws UsageError that says what is wrong with them */
const webSettings = (): WebSettings => {
  try {
    return parseWebSettings(runtime().web());
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
};

/** Starts the HTTP API, the same functions that run on Lambda, and the scheduler. */
export const startServer = async (
  options: ServerCommandOptions & GlobalOptions,
  open: OpenDeps,
): Promise<RunningServer> => {
  const { deps } = open;
  const keyFile = await ensureKey(options);
  if (open.database.embedded) await ensureSecret(options);
  const hasKeys = await checkKeys();
  const [{ jobs }] = await Promise.all([projectDefinitions(), prepareDashboard()]);
  if (jobs.length === 0) say(`There are no job types in ${project().jobsFolder}: every enqueue is refused.`);
  const listener = nodeListener(
    createHttpApi(deps, jobs, { connections: open.connection.max ?? CONNECTIONS, basePath: webSettings().basePath }),
  );
  const server = createServer(SERVER_SETTINGS, (request, response) => void listener(request, response));
  // A client that asks first is answered when its key is known.
  server.on("checkContinue", (request, response) => void listener(request, response));
  refuseUnread(server);
  server.maxConnections = maxHttpConnections();
  const url = await listen(server, options.port, options.host, "--port");
  if (keyFile !== null) say(`No API key is configured: the one in ${keyFile} is.`);
  else if (!hasKeys)
    say(
      "No API key is configured: every request but GET /health is refused. Set FORGEQ_API_KEYS, or FORGEQ_SECRET and make one by forgeq keys create.",
    );
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
  say(`Dashboard on ${started.server.url}/dashboard: forgeq dashboard opens it, signed in.`);
  say(`Server ready on ${started.server.url}. Ctrl-C stops it.`);
  await new Promise(() => undefined);
};
