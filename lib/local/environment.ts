import { type ChildProcess, fork } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** How an invocation ended, as Lambda reports it. */
export type InvocationResult =
  { readonly result: unknown } | { readonly error: { readonly errorType: string; readonly errorMessage: string } };

export interface EnvironmentOptions {
  readonly functionName: string;
  /** The bundle. */
  readonly file: string;
  readonly env: () => Readonly<Record<string, string>>;
  readonly onLog: (line: string) => void;
}

/** One execution environment: a process of its own that runs one invocation at a time, and can be killed without harm to others. */
export interface Environment {
  readonly pid: number;
  /** Runs one invocation; by SIGKILL when its time is up. Never throws. */
  run(requestId: string, event: unknown, timeoutMs: number): Promise<InvocationResult>;
  readonly isAlive: () => boolean;
  kill(): void;
}

const WORKER = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "./lambda-worker.ts" : "./lambda-worker.js", import.meta.url),
);
const INIT_MS = 10_000;

const exitError = (requestId: string, how: string): InvocationResult => ({
  error: {
    errorType: "Runtime.ExitError",
    errorMessage: `RequestId: ${requestId} Error: Runtime exited with error: ${how}`,
  },
});

/** Starts an environment; it is ready when its bundle is loaded. @throws when that fails, as a failed init on Lambda */
export const startEnvironment = async (options: EnvironmentOptions): Promise<Environment> => {
  const child = fork(WORKER, [options.file], {
    env: { ...options.env(), AWS_LAMBDA_FUNCTION_NAME: options.functionName },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    // Ctrl-C is for the process that started this one.
    detached: true,
  });
  for (const stream of [child.stdout, child.stderr]) {
    if (stream !== null) createInterface({ input: stream }).on("line", options.onLog);
  }
  let exited: string | null = null;
  child.once("exit", (code, signal) => (exited = signal === null ? `exit status ${code}` : `signal: ${signal}`));
  child.on("error", () => undefined);
  await ready(child);
  return {
    pid: child.pid ?? 0,
    isAlive: () => exited === null && child.connected,
    kill: () => {
      child.kill("SIGKILL");
    },
    run: (requestId, event, timeoutMs) =>
      new Promise((resolve) => {
        const end = (result: InvocationResult) => {
          clearTimeout(timer);
          child.off("message", onMessage);
          child.off("exit", onExit);
          resolve(result);
        };
        const onMessage = (
          message: { requestId?: string } & Partial<{
            result: unknown;
            error: { errorType: string; errorMessage: string };
          }>,
        ) => {
          if (message.requestId !== requestId) return;
          end(message.error === undefined ? { result: message.result } : { error: message.error });
        };
        const onExit = (code: number | null, signal: string | null) =>
          end(exitError(requestId, signal === null ? `exit status ${code}` : `signal: ${signal}`));
        const timer = setTimeout(() => {
          child.off("exit", onExit);
          child.kill("SIGKILL");
          end({
            error: {
              errorType: "Sandbox.Timedout",
              errorMessage: `RequestId: ${requestId} Error: Task timed out after ${(timeoutMs / 1000).toFixed(2)} seconds`,
            },
          });
        }, timeoutMs);
        child.on("message", onMessage);
        child.once("exit", onExit);
        if (exited !== null) return end(exitError(requestId, exited));
        child.send({ requestId, event, deadlineMs: Date.now() + timeoutMs });
      }),
  };
};

const ready = (child: ChildProcess): Promise<void> =>
  new Promise((resolve, reject) => {
    const fail = (message: string) => {
      clearTimeout(timer);
      child.kill("SIGKILL");
      reject(new Error(message));
    };
    const timer = setTimeout(() => fail("the function's init took too long"), INIT_MS);
    const onExit = (code: number | null, signal: string | null) =>
      fail(`the function's init failed: ${signal ?? `exit status ${code}`}`);
    child.once("exit", onExit);
    child.once("message", () => {
      clearTimeout(timer);
      child.off("exit", onExit);
      resolve();
    });
  });
