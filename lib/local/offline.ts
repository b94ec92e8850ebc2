import { type ChildProcess, spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";

export interface OfflineOptions {
  readonly root: string;
  readonly httpPort: number;
  readonly lambdaPort: number;
  /** Parameters of serverless.yml. */
  readonly params: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  readonly onLog: (line: string) => void;
}

export interface Offline {
  /** Starts it again, with the bundles as they are now. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

const RESTART_PAUSE_MS = 1_000;
const STOP_MS = 5_000;
const QUIET =
  /^\s*$|^Starting Offline|^Offline \[http|^\s*[┌│└]|^\s*\* |^.*Server ready:|^(GET|POST|PUT|DELETE|ANY) \/|\(λ: |^Scheduling \[|^Function names exposed|Successfully invoked scheduled function/;

/** serverless-offline as a process of its own: HTTP and schedules, from serverless.yml. It is started again when it dies. */
export const startOffline = (options: OfflineOptions): Offline => {
  const require = createRequire(join(options.root, "package.json"));
  const serverless = join(dirname(require.resolve("serverless/package.json")), "bin", "serverless.js");
  const guard = new URL(
    import.meta.url.endsWith(".ts") ? "./end-with-parent.ts" : "./end-with-parent.js",
    import.meta.url,
  );
  let stopping = false;
  let child: ChildProcess;

  const start = (): void => {
    const args = [
      "offline",
      "--httpPort",
      String(options.httpPort),
      "--lambdaPort",
      String(options.lambdaPort),
      "--host",
      "127.0.0.1",
      ...Object.entries(options.params).flatMap(([name, value]) => ["--param", `${name}=${value}`]),
    ];
    child = spawn(process.execPath, ["--unhandled-rejections=warn", "--import", guard.href, serverless, ...args], {
      cwd: options.root,
      env: { ...process.env, ...options.env },
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      detached: true,
    });
    for (const stream of [child.stdout, child.stderr]) {
      if (stream !== null)
        createInterface({ input: stream }).on("line", (line) => QUIET.test(line) || options.onLog(line));
    }
    const started = child;
    child.once("exit", (code, signal) => {
      if (stopping || child !== started) return;
      options.onLog(`serverless-offline ended (${signal ?? `exit ${code}`}); starting it again`);
      setTimeout(() => stopping || start(), RESTART_PAUSE_MS);
    });
  };

  const end = async (ending: ChildProcess): Promise<void> => {
    if (ending.exitCode !== null || ending.signalCode !== null) return;
    const gone = new Promise((resolve) => ending.once("exit", resolve));
    ending.kill("SIGTERM");
    const timer = setTimeout(() => ending.kill("SIGKILL"), STOP_MS);
    await gone;
    clearTimeout(timer);
  };

  start();
  return {
    restart: async () => {
      const old = child;
      // It is not the current child any more: its exit is wanted.
      child = undefined as never;
      await end(old);
      if (!stopping) start();
    },
    stop: async () => {
      stopping = true;
      if (child !== undefined) await end(child);
    },
  };
};
