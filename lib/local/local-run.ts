/** The whole of ForgeQ on one machine, from the parts that are deployed. */
import { aliasesOf } from "../core/aliases.ts";
import { aliasVariables } from "../deploy/environment.ts";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { reasonOf } from "../core/reason.ts";
import { openProject } from "../project/project.ts";
import { localApiKey, localSecret } from "./api-key.ts";
import type { Fault } from "./events.ts";
import { localFunctions } from "./functions.ts";
import { type LocalInvoker, startInvoker } from "./invoker.ts";
import { connectionsOf, openLocalDatabase, prepareDatabase } from "./local-database.ts";
import { startMailbox, wantsMailbox } from "./mailbox.ts";
import { type Offline, startOffline } from "./offline.ts";
import { freePort } from "./postgres.ts";
import { privateFolder } from "./private-files.ts";
import { watchFunctions, type WatchedBuild } from "./project.ts";
import { createStops, type Stops } from "./stops.ts";
import { httpVariables, localVariables, SERVICE, type Variables, wakeVariables } from "./variables.ts";
import { startWakeScheduler, type WakeScheduler } from "./wake-scheduler.ts";

export interface LocalRunOptions {
  /** The folder of the project, where serverless.yml is. */
  readonly root: string;
  /** Where Postgres' data, mails, reports and the key are kept. */
  readonly folder: string;
  readonly port: number;
  readonly env: Variables;
  readonly onLog: (source: string, line: string) => void;
  /** Called when a part without which nothing works has ended. */
  readonly onFatal: (message: string) => void;
  readonly faults?: (functionName: string, event: unknown) => Fault | undefined;
  /** `watch`: build now and whenever a source changes. `none`: the bundles are there. */
  readonly build: "watch" | "none";
  /** Gives up the start; what was started is stopped again. */
  readonly signal?: AbortSignal;
}

export interface LocalRun {
  readonly url: string;
  /** Where local files are. */
  readonly folder: string;
  readonly databaseUrl: string;
  readonly apiKey: string;
  /** Null where SMTP_URL says where mails go. */
  readonly mailFolder: string | null;
  readonly invoker: LocalInvoker;
  /** Null in the wake mode `always`. */
  readonly wakes: WakeScheduler | null;
  stop(): Promise<void>;
}

const READY_SECONDS = 60;
const HTTP_BUNDLES = new Set(["enqueue", "api", "dispatcher", "scheduler"]);

/** Says immediately that a port is taken, instead of a time-out later. */
const claimPort = (port: number): Promise<void> =>
  new Promise((done, reject) => {
    const server = createServer();
    server.once("error", (cause) => reject(new Error(`port ${port} is in use: set PORT to another one`, { cause })));
    server.listen(port, "127.0.0.1", () => server.close(() => done()));
  });

const untilHealthy = async (url: string, signal?: AbortSignal): Promise<void> => {
  for (let waited = 0; waited < READY_SECONDS * 10; waited += 1) {
    signal?.throwIfAborted();
    const response = await fetch(`${url}/health`).catch(() => null);
    if (response?.ok === true) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`the API did not answer within ${READY_SECONDS} s`);
};

/** The mailbox of `.forgeq/mail`, where nothing says where mails go. */
const openMailbox = async (folder: string, env: Variables, stops: Stops) => {
  if (!wantsMailbox((name) => env[name])) return { mailFolder: null, mailbox: null };
  const mailFolder = join(folder, "mail");
  const mailbox = await startMailbox(mailFolder);
  stops.add(() => mailbox.close());
  return { mailFolder, mailbox };
};

/** The stand-in of EventBridge Scheduler, in the wake mode `armed`. */
const startWakes = async (
  { env, onLog }: LocalRunOptions,
  invoker: LocalInvoker,
  stops: Stops,
): Promise<WakeScheduler | null> => {
  if (env["FORGEQ_WAKE"] !== "armed") return null;
  const wakes = await startWakeScheduler(invoker.invokeLater, (line) => onLog("wakes", line));
  stops.add(() => wakes.close());
  return wakes;
};

/** serverless-offline, with functions that see these variables. */
const startHttp = async (
  { root, port, onLog }: LocalRunOptions,
  wake: "armed" | "always",
  env: Readonly<Record<string, string>>,
  stops: Stops,
): Promise<Offline> => {
  const offline = startOffline({
    root,
    httpPort: port,
    lambdaPort: await freePort(),
    params: { wake },
    env,
    onLog: (line) => onLog("http", line),
  });
  stops.add(() => offline.stop());
  return offline;
};

/** Functions behind HTTP are loaded once: they are started again when one of their bundles has changed. */
const restartOnChange = (build: WatchedBuild, offline: Offline, onLog: LocalRunOptions["onLog"]): void =>
  build.onChange((name) => {
    onLog("forgeq", `${name} was rebuilt`);
    if (HTTP_BUNDLES.has(name)) void offline.restart();
  });

const startParts = async (options: LocalRunOptions, folder: string, stops: Stops): Promise<Omit<LocalRun, "stop">> => {
  const { root, env, onLog, onFatal } = options;
  const build = options.build === "watch" ? await watchFunctions(root) : null;
  if (build !== null) stops.add(() => build.dispose());

  const onNotice = (notice: string) => onLog("postgres", notice);
  const database = await openLocalDatabase(folder, env, stops, { onNotice, onFatal });
  const definitions = await openProject(root).definitions();
  await prepareDatabase(database, definitions, env);
  const connections = await connectionsOf(database, env);

  const { mailFolder, mailbox } = await openMailbox(folder, env, stops);
  const apiKey = env["FORGEQ_API_KEY"] || localApiKey(folder);
  // The endpoints of the invoker and of the wakes are added here when they are known: before any function runs.
  const variables = {
    ...localVariables(env, { folder, database: connections.worker, apiKey, mailbox }),
    ...aliasVariables(aliasesOf(definitions.jobs)),
  };
  const invoker = await startInvoker({
    functions: localFunctions(root, SERVICE, definitions.jobs),
    env: () => variables,
    onLog: (name, line) => onLog(name.replace(`${SERVICE}-`, ""), line),
    ...(options.faults === undefined ? {} : { faults: options.faults }),
  });
  stops.add(() => invoker.close());
  const wakes = await startWakes(options, invoker, stops);
  Object.assign(variables, { FORGEQ_LAMBDA_ENDPOINT: invoker.endpoint }, wakes && wakeVariables(wakes.endpoint));

  const offline = await startHttp(
    options,
    wakes === null ? "always" : "armed",
    { ...variables, ...httpVariables(env, connections, () => localSecret(folder)) },
    stops,
  );
  const url = `http://127.0.0.1:${options.port}`;
  await untilHealthy(url, options.signal);
  // The wakes of the last run were kept nowhere: the scheduler arms them anew.
  if (wakes !== null) await invoker.invokeLater(`${SERVICE}-scheduler`, {});
  if (build !== null) restartOnChange(build, offline, onLog);
  return { url, folder, databaseUrl: database.url, apiKey, mailFolder, invoker, wakes };
};

/** Starts everything and waits until the API answers. What was started is stopped again when a later part fails. */
export const startLocalRun = async (options: LocalRunOptions): Promise<LocalRun> => {
  const folder = resolve(options.root, options.folder);
  privateFolder(folder);
  await claimPort(options.port);
  const stops = createStops((error) => options.onLog("forgeq", reasonOf(error)));
  try {
    const parts = await startParts(options, folder, stops);
    return { ...parts, stop: () => stops.stop() };
  } catch (error) {
    await stops.stop();
    throw error;
  }
};
