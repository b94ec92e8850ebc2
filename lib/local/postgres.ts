/** Starts a real Postgres of its own for a laptop or a test: no Docker, no account, nothing to install first. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chmodSync, closeSync, existsSync, lchownSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join, resolve } from "node:path";
import pg from "pg";
import {
  type Binaries,
  cleanEnvironment,
  credentials,
  findBinaries,
  isReachable,
  refuseAlien,
  standIn,
} from "./postgres-binaries.ts";
import { asksFor, postgresPassword, requirePassword } from "./postgres-password.ts";

export interface StartOptions {
  /** Made by the first start, found again by later ones. Moved to the temporary folder when Postgres' user can't get to it. */
  readonly dataDir: string;
  /** A free port unless given. */
  readonly port?: number;
  /** False: no fsync, for tests. */
  readonly durable: boolean;
  readonly settings?: Readonly<Record<string, string>>;
  /** The folder with the programs of another Postgres, instead of the embedded one. */
  readonly binFolder?: string;
  /** The server writes its log there, and lives on when this process ends. */
  readonly logFile?: string;
  readonly onNotice?: (notice: string) => void;
  /** Called when the server ends without having been stopped. */
  readonly onExit?: (message: string) => void;
}

export interface LocalPostgres {
  /** The process id of the postmaster. */
  readonly pid: number;
  readonly port: number;
  readonly dataDir: string;
  url(database?: string): string;
  /** Ends all sessions and waits for the server to be gone. */
  stop(): Promise<void>;
}

const READY_SECONDS = 30;
const STOP_SECONDS = 10;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });

const urlOf = (port: number, password: string, database: string): string =>
  `postgres://postgres:${password}@127.0.0.1:${port}/${database}`;

/** Does a Postgres that is ready listen there? One that refuses the password is ready, too. */
const answers = async (port: number, password: string): Promise<boolean> => {
  const connectionString = urlOf(port, password, "postgres");
  const client = new pg.Client({
    connectionString,
    ssl: false,
    sslnegotiation: "postgres",
    connectionTimeoutMillis: 1_000,
  });
  try {
    await client.connect();
    return true;
  } catch (error) {
    return error instanceof pg.DatabaseError && error.code?.startsWith("28") === true;
  } finally {
    await client.end().catch(() => undefined);
  }
};

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
};

const makeFolder = (dataDir: string): void => {
  mkdirSync(dirname(dataDir), { recursive: true });
  if (!existsSync(dataDir)) mkdirSync(dataDir, { mode: 0o700 });
  const { uid, gid } = credentials();
  if (uid !== undefined && gid !== undefined) {
    refuseAlien(dataDir);
    lchownSync(dataDir, uid, gid);
  }
  chmodSync(dataDir, 0o700);
};

/** Makes the data, with a server that lets nobody in until it has a password. */
const initialise = (dataDir: string, initdb: string, durable: boolean): void => {
  makeFolder(dataDir);
  const args = [
    "-D",
    dataDir,
    "-U",
    "postgres",
    "-A",
    "reject",
    "-E",
    "UTF8",
    "--no-locale",
    ...(durable ? [] : ["--no-sync"]),
  ];
  const made = spawnSync(initdb, args, {
    ...credentials(),
    cwd: dataDir,
    env: cleanEnvironment(),
    encoding: "utf8",
  });
  if (made.status !== 0) {
    rmSync(dataDir, { recursive: true, force: true });
    throw new Error(`initdb failed: ${made.stderr || made.error?.message || `exit ${made.status}`}`);
  }
};

/** The lines of a data folder's postmaster.pid; null where there is none. A server that ends takes it away at any time. */
export const readPostmaster = (dataDir: string): readonly string[] | null => {
  try {
    return readFileSync(join(dataDir, "postmaster.pid"), "utf8").split("\n");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
};

/** A server of this data folder that is still running because whoever started it was killed. */
const orphan = async (dataDir: string, password: string): Promise<{ pid: number; port: number } | null> => {
  const lines = readPostmaster(dataDir);
  if (lines === null) return null;
  const [pid, port] = [Number(lines[0]), Number(lines[3])];
  return isAlive(pid) && (await answers(port, password)) ? { pid, port } : null;
};

/** Ends a postmaster by its fast shutdown, by force after ten seconds. */
const end = async (pid: number): Promise<void> => {
  for (const signal of ["SIGINT", "SIGKILL"] as const) {
    if (!isAlive(pid)) return;
    process.kill(pid, signal);
    for (let waited = 0; waited < STOP_SECONDS * 100 && isAlive(pid); waited += 1) await pause(10);
  }
};

const launch = async (
  options: StartOptions,
  dataDir: string,
  postgres: string,
  password: string,
): Promise<{ child: ChildProcess; port: number }> => {
  const port = options.port ?? (await freePort());
  const settings = {
    listen_addresses: "127.0.0.1",
    // None is used, and in a deep folder its path would be too long.
    unix_socket_directories: "",
    max_connections: "200",
    ...(options.durable ? {} : { fsync: "off", synchronous_commit: "off", full_page_writes: "off" }),
    ...options.settings,
  };
  const args = [
    "-D",
    dataDir,
    "-p",
    String(port),
    ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
  ];
  const logFile = options.logFile === undefined ? null : openSync(options.logFile, "a", 0o600);
  // A process group of its own: Ctrl-C is for whoever started it, which then stops the server in order.
  const child = spawn(postgres, args, {
    ...credentials(),
    cwd: dataDir,
    env: cleanEnvironment(),
    detached: true,
    stdio: ["ignore", "ignore", logFile ?? "pipe"],
  });
  let log = "";
  if (logFile !== null) {
    closeSync(logFile);
    child.unref();
    log = `see ${options.logFile}`;
  }
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (log = (log + text).slice(-4_000)));
  let exited = false;
  child.once("exit", () => (exited = true));
  child.once("error", (error) => {
    log += error.message;
    exited = true;
  });
  for (let waited = 0; !(await answers(port, password)); waited += 1) {
    if (exited || waited > READY_SECONDS * 50) {
      child.kill("SIGKILL");
      throw new Error(`Postgres did not start: ${log}`);
    }
    await pause(20);
  }
  return { child, port };
};

/** Where the data is: in the temporary folder when the user that Postgres runs as can't get to the folder that was asked for. */
const placeOf = (dataDir: string): string => (isReachable(dataDir) ? dataDir : standIn(dataDir, "data"));

/** The server of a data folder that runs already, whoever started it; null when none does. */
export const findPostgres = async (wanted: string): Promise<LocalPostgres | null> => {
  const dataDir = placeOf(wanted);
  const password = postgresPassword(wanted);
  const found = await orphan(dataDir, password);
  return (
    found && {
      ...found,
      dataDir,
      url: (database = "postgres") => urlOf(found.port, password, database),
      stop: () => end(found.pid),
    }
  );
};

/** Makes the data where there is none, and lets nobody in without the password, not even into data that had none before. */
const prepareData = async (
  { dataDir: wanted, durable, onNotice }: StartOptions,
  dataDir: string,
  { initdb, postgres }: Binaries,
): Promise<void> => {
  const isNew = !existsSync(join(dataDir, "PG_VERSION"));
  if (isNew) initialise(dataDir, initdb, durable);
  const password = postgresPassword(wanted);
  if (asksFor(dataDir, password)) return;
  const running = await orphan(dataDir, password);
  if (running !== null) await end(running.pid);
  requirePassword(dataDir, postgres, password);
  if (!isNew)
    onNotice?.(
      `The database in ${dataDir} is kept, and has a new password: ${join(resolve(wanted, ".."), "postgres.password")}`,
    );
};

/**
 * Starts the Postgres of a data folder, or joins the one that a killed process left running. It listens on loopback only, and lets in
 * whoever has the password, which lies beside the data folder for this user alone.
 */
export const startPostgres = async (options: StartOptions): Promise<LocalPostgres> => {
  const binaries = findBinaries(options.binFolder);
  const dataDir = placeOf(options.dataDir);
  if (dataDir !== options.dataDir) {
    options.onNotice?.(
      `Postgres can't run as root, and no other user gets to ${options.dataDir}: its data is in ${dataDir}`,
    );
  }
  await prepareData(options, dataDir, binaries);

  const left = await findPostgres(options.dataDir);
  if (left !== null) return left;
  const password = postgresPassword(options.dataDir);
  const { child, port } = await launch(options, dataDir, binaries.postgres, password);
  let stopping = false;
  child.once("exit", (code, signal) => {
    if (!stopping) options.onExit?.(`Postgres ended (${signal ?? `exit ${code}`})`);
  });
  return {
    pid: child.pid ?? 0,
    port,
    dataDir,
    url: (database = "postgres") => urlOf(port, password, database),
    stop: async () => {
      stopping = true;
      if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) await end(child.pid);
    },
  };
};
