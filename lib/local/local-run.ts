/** The whole of ForgeQ on one machine, from the parts that are deployed. */
import { mkdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import type { JobDefinition, QueueDefinition } from "../core/job.ts";
import { connectDb, type ConnectOptions, type DriverChoice } from "../db/drivers/connect.ts";
import { migrate } from "../db/schema/migrate.ts";
import { forgetDispatchers } from "../db/protocol/wake.ts";
import { syncDefinitions } from "../queue/manage/sync-definitions.ts";
import { localApiKey } from "./api-key.ts";
import { localFunctions } from "./functions.ts";
import { type Fault, type LocalInvoker, startInvoker } from "./invoker.ts";
import { mailVariables, startMailbox, wantsMailbox } from "./mailbox.ts";
import { startOffline } from "./offline.ts";
import { type LocalNeon, startNeon } from "./neon.ts";
import { freePort } from "./postgres.ts";
import { sharePostgres } from "./shared-postgres.ts";
import { startWakeScheduler, type WakeScheduler } from "./wake-scheduler.ts";

export interface LocalRunOptions {
  /** Of the project: where serverless.yml is. */
  readonly root: string;
  /** For Postgres' data, mails, reports and the key. */
  readonly folder: string;
  readonly port: number;
  readonly env: Readonly<Record<string, string | undefined>>;
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
const MIGRATE_SECONDS = 60;
const HTTP_BUNDLES = new Set(["enqueue", "api", "dispatcher", "scheduler"]);

/** Says at once that a port is taken, instead of a time-out later. */
const claimPort = (port: number): Promise<void> =>
  new Promise((done, reject) => {
    const server = createServer();
    server.once("error", (cause) => reject(new Error(`port ${port} is in use: set PORT to another one`, { cause })));
    server.listen(port, "127.0.0.1", () => server.close(() => done()));
  });

interface Built {
  dispose(): Promise<unknown>;
}

/** Builds the functions and goes on building; `onChange` hears when a bundle's content has changed. */
const buildFunctions = async (root: string, onChange: (name: string) => void): Promise<Built> => {
  const { build } = (await import(new URL("esbuild.config.mjs", `file://${root}/`).href)) as {
    build: (options: {
      watch: boolean;
      onEnd: (name: string, result: { errors: unknown[] }) => void;
    }) => Promise<Built>;
  };
  const contents = new Map<string, string>();
  const onEnd = (name: string, { errors }: { errors: unknown[] }) => {
    if (errors.length > 0) return;
    const text = readFileSync(join(root, ".build", name, "index.mjs"), "utf8");
    const before = contents.get(name);
    contents.set(name, text);
    if (before !== undefined && before !== text) onChange(name);
  };
  return build({ watch: true, onEnd });
};

const definitions = async (
  root: string,
): Promise<{ jobs: readonly JobDefinition[]; queues: readonly QueueDefinition[] }> => {
  const load = <Module>(file: string) => import(new URL(file, `file://${root}/`).href) as Promise<Module>;
  const { jobs } = await load<{ jobs: readonly JobDefinition[] }>("functions/registry.ts");
  const { queues } = await load<{ queues: readonly QueueDefinition[] }>("functions/queues.ts");
  return { jobs, queues };
};

/** With FORGEQ_DRIVER=neon, Neon's endpoints in front of a Postgres that has none; null where it has, or another driver is used. */
const neonFor = async (
  databaseUrl: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<LocalNeon | null> => {
  const { hostname, port } = new URL(databaseUrl);
  if (env["FORGEQ_DRIVER"] !== "neon" || env["FORGEQ_NEON_FETCH_ENDPOINT"] || hostname.endsWith(".neon.tech"))
    return null;
  return startNeon({ host: hostname, port: Number(port || 5432) });
};

const prepareDatabase = async (
  options: ConnectOptions,
  jobs: readonly JobDefinition[],
  queues: readonly QueueDefinition[],
) => {
  const db = await connectDb({ ...options, statementSeconds: MIGRATE_SECONDS });
  try {
    await migrate(db);
    await syncDefinitions(db, jobs, queues);
    // Those of the last run were killed with it: their marks would swallow the first wakes of this one.
    await forgetDispatchers(db);
  } finally {
    await db.close();
  }
};

const untilHealthy = async (url: string, signal?: AbortSignal): Promise<void> => {
  for (let waited = 0; waited < READY_SECONDS * 10; waited += 1) {
    signal?.throwIfAborted();
    const response = await fetch(`${url}/health`).catch(() => null);
    if (response?.ok === true) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`the API did not answer within ${READY_SECONDS} s`);
};

const SERVICE = "forgeq-dev";

/** What arms wakes locally; serverless.yml has the same for what it runs. */
const wakeEnv = (endpoint: string): Record<string, string> => ({
  FORGEQ_WAKE: "armed",
  FORGEQ_WAKE_GROUP: SERVICE,
  FORGEQ_WAKE_TARGET_ARN: `arn:aws:lambda:local:000000000000:function:${SERVICE}-scheduler`,
  FORGEQ_WAKE_ROLE_ARN: "arn:aws:iam::000000000000:role/local",
  FORGEQ_SCHEDULER_ENDPOINT: endpoint,
});

/** Starts everything and waits until the API answers. What was started is stopped again when a later part fails. */
export const startLocalRun = async (options: LocalRunOptions): Promise<LocalRun> => {
  const { root, env, onLog } = options;
  const folder = resolve(root, options.folder);
  mkdirSync(folder, { recursive: true });
  await claimPort(options.port);
  const stops: (() => Promise<unknown>)[] = [];
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> =>
    (stopped ??= (async () => {
      for (const each of stops.reverse()) await each().catch((error: unknown) => onLog("forgeq", String(error)));
    })());

  try {
    let onChange = (_name: string): void => undefined;
    if (options.build === "watch") {
      const built = await buildFunctions(root, (name) => onChange(name));
      stops.push(() => built.dispose());
    }

    let databaseUrl = env["DATABASE_URL"];
    if (databaseUrl === undefined || databaseUrl === "") {
      const postgres = await sharePostgres(folder, {
        onNotice: (notice) => onLog("postgres", notice),
        onExit: (message) => options.onFatal(message),
      });
      stops.push(() => postgres.leave());
      databaseUrl = postgres.url;
    }
    const { jobs, queues } = await definitions(root);
    const neon = await neonFor(databaseUrl, env);
    if (neon !== null) stops.push(() => neon.close());
    const fetchEndpoint = neon?.fetchEndpoint ?? env["FORGEQ_NEON_FETCH_ENDPOINT"];
    const wsProxy = neon?.wsProxy ?? env["FORGEQ_NEON_WS_PROXY"];
    const endpoints = { ...(fetchEndpoint && { fetchEndpoint }), ...(wsProxy && { wsProxy }) };
    const driver = (env["FORGEQ_DRIVER"] || "auto") as DriverChoice;
    await prepareDatabase({ url: databaseUrl, driver, ...endpoints }, jobs, queues);

    const mailFolder = wantsMailbox((name) => env[name]) ? join(folder, "mail") : null;
    const mailbox = mailFolder === null ? null : await startMailbox(mailFolder);
    if (mailbox !== null) stops.push(() => mailbox.close());

    const apiKey = env["FORGEQ_API_KEY"] || localApiKey(folder);
    const armed = env["FORGEQ_WAKE"] === "armed";
    const invokeLater = async (name: string, event: unknown) => {
      const url = `${invoker.endpoint}/2015-03-31/functions/${name}/invocations`;
      const headers = { "x-amz-invocation-type": "Event" };
      await fetch(url, { method: "POST", headers, body: JSON.stringify(event) });
    };
    const wakes = armed ? await startWakeScheduler(invokeLater, (line) => onLog("wakes", line)) : null;
    if (wakes !== null) stops.push(() => wakes.close());
    const shared: Record<string, string> = {
      ...(Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined)) as Record<string, string>),
      DATABASE_URL: databaseUrl,
      ...(fetchEndpoint && { FORGEQ_NEON_FETCH_ENDPOINT: fetchEndpoint }),
      ...(wsProxy && { FORGEQ_NEON_WS_PROXY: wsProxy }),
      FORGEQ_API_KEY: apiKey,
      FORGEQ_DIR: folder,
      ...mailVariables(mailbox, (name) => env[name]),
      POWERTOOLS_METRICS_DISABLED: env["POWERTOOLS_METRICS_DISABLED"] || "true",
      FORGEQ_LOG_LEVEL: env["FORGEQ_LOG_LEVEL"] || "warn",
      AWS_REGION: "us-east-1",
      ...(wakes === null ? {} : wakeEnv(wakes.endpoint)),
    };
    const invoker: LocalInvoker = await startInvoker({
      functions: localFunctions(root, SERVICE, jobs),
      env: () => ({ ...shared, FORGEQ_LAMBDA_ENDPOINT: invoker.endpoint }),
      onLog: (name, line) => onLog(name.replace(`${SERVICE}-`, ""), line),
      ...(options.faults === undefined ? {} : { faults: options.faults }),
    });
    stops.push(() => invoker.close());

    const offline = startOffline({
      root,
      httpPort: options.port,
      lambdaPort: await freePort(),
      params: { wake: armed ? "armed" : "always" },
      env: { ...shared, FORGEQ_LAMBDA_ENDPOINT: invoker.endpoint },
      onLog: (line) => onLog("http", line),
    });
    stops.push(() => offline.stop());
    const url = `http://127.0.0.1:${options.port}`;
    await untilHealthy(url, options.signal);
    // Nobody has kept the wakes of the last run.
    if (armed) await invokeLater(`${SERVICE}-scheduler`, {});
    onChange = (name) => {
      onLog("forgeq", `${name} was rebuilt`);
      if (HTTP_BUNDLES.has(name)) void offline.restart();
    };
    return { url, databaseUrl, apiKey, mailFolder, invoker, wakes, stop };
  } catch (error) {
    await stop();
    throw error;
  }
};
