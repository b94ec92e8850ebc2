/** One execution environment: a process of its own behind a Runtime API of its own, stopped while it has nothing to do. */
import { type ChildProcess, spawn } from "node:child_process";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { credentials } from "../../../lib/local/postgres-binaries.ts";
import { listen } from "./network.ts";
import { credentialsOf } from "./signature.ts";
import { type LambdaFunction, REGION } from "./template.ts";

/** The project's own client, or AWS'. */
const CLIENT = fileURLToPath(
  new URL(
    process.env["FORGEQ_LAMBDA_CLIENT"] === "ric"
      ? "../../tools/lambda-ric/node_modules/aws-lambda-ric/index.mjs"
      : "../runtime-client.ts",
    import.meta.url,
  ),
);
const INIT_MS = 10_000;
const MOST_RESPONSE_BYTES = 6_291_556;

export interface FunctionError {
  readonly errorType: string;
  readonly errorMessage: string;
}

export type Answer = { readonly result: unknown } | { readonly error: FunctionError };

export interface EnvironmentOptions {
  readonly fn: LambdaFunction;
  /** The folder with its `.build`. */
  readonly root: string;
  readonly variables: Readonly<Record<string, string>>;
  readonly onLog: (line: string) => void;
  /** Called when the init phase is over, with the process' id. */
  readonly onInit: (pid: number) => void;
}

export interface Environment {
  readonly root: string;
  readonly pid: () => number;
  readonly isFree: () => boolean;
  readonly isAlive: () => boolean;
  /** Is its init phase still to end? */
  readonly isBeginning: () => boolean;
  /** Starts the process, until it asks for its first invocation or has ended. */
  init(): Promise<void>;
  /** Runs one invocation. Between two the process is stopped. Never throws. */
  run(requestId: string, event: unknown): Promise<Answer>;
  kill(): void;
}

const variablesOf = ({ fn, root, variables }: EnvironmentOptions, port: number): Record<string, string> => ({
  TZ: ":UTC",
  PATH: "/usr/local/bin:/usr/bin:/bin",
  AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${port}`,
  _HANDLER: fn.handler,
  LAMBDA_TASK_ROOT: root,
  LAMBDA_RUNTIME_DIR: "/var/runtime",
  AWS_EXECUTION_ENV: "AWS_Lambda_nodejs24.x",
  AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand",
  AWS_LAMBDA_FUNCTION_NAME: fn.name,
  AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
  AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(fn.memoryMb),
  AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${fn.name}`,
  AWS_LAMBDA_LOG_STREAM_NAME: "2026/11/30/[$LATEST]1",
  ...(fn.jsonLogs ? { AWS_LAMBDA_LOG_FORMAT: "JSON" } : {}),
  AWS_REGION: REGION,
  ...credentialsOf(fn.key),
  ...fn.variables,
  ...variables,
});

const bodyOf = async (request: IncomingMessage): Promise<Buffer> => {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
};

/** What the runtime's client may post: a response that is too large is refused, as by Lambda. */
const answerOf = (kind: string, body: Buffer): Answer => {
  if (kind === "error") return { error: JSON.parse(body.toString()) as FunctionError };
  if (body.length <= MOST_RESPONSE_BYTES) return { result: JSON.parse(body.toString()) as unknown };
  const errorMessage = "Response payload size exceeded maximum allowed payload size (6291556 bytes).";
  return { error: { errorType: "Function.ResponseSizeTooLarge", errorMessage } };
};

const timedOut = (requestId: string, seconds: number): Answer => ({
  error: {
    errorType: "Sandbox.Timedout",
    errorMessage: `RequestId: ${requestId} Error: Task timed out after ${seconds.toFixed(2)} seconds`,
  },
});

export const createEnvironment = (options: EnvironmentOptions): Environment => {
  const { fn, root } = options;
  let child: ChildProcess | undefined;
  let state: "new" | "running" | "frozen" | "dead" = "new";
  let waiting: ServerResponse | undefined;
  let answer: Answer | undefined;
  let initError: FunctionError | undefined;
  let beginning = true;
  let exit = "";
  /** Looks again at what it waits for: something has happened. */
  let changed = (): void => undefined;

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = (request.url ?? "").replace("/2018-06-01/runtime/", "");
    const body = await bodyOf(request);
    if (path === "invocation/next") waiting = response;
    else {
      const [, kind = ""] = /^invocation\/[^/]+\/(response|error)$/.exec(path) ?? [];
      if (path === "init/error") initError = JSON.parse(body.toString()) as FunctionError;
      else answer = answerOf(kind, body);
      response.writeHead(202).end('{"status":"OK"}');
    }
    changed();
  };
  const api = createServer((request, response) => void handle(request, response).catch(() => response.destroy()));
  api.keepAliveTimeout = 0;
  api.requestTimeout = 0;

  /** @returns false when it did not come about in time */
  const until = (isTrue: () => boolean, ms: number): Promise<boolean> =>
    new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), ms);
      changed = () => {
        if (!isTrue()) return;
        clearTimeout(timer);
        resolve(true);
      };
      changed();
    });

  const kill = (): void => {
    child?.kill("SIGKILL");
    if (child === undefined) state = "dead";
    api.close();
    api.closeAllConnections();
  };

  const boot = async (): Promise<void> => {
    const port = await listen(api);
    // It was ended before it began.
    if (isDead()) return void api.close();
    const heap = `--max-old-space-size=${Math.round(fn.memoryMb * 0.9)}`;
    child = spawn(process.execPath, [heap, CLIENT, fn.handler], {
      cwd: root,
      env: variablesOf(options, port),
      stdio: ["ignore", "pipe", "pipe"],
      ...credentials(),
    });
    for (const stream of [child.stdout, child.stderr])
      if (stream !== null) createInterface({ input: stream }).on("line", options.onLog);
    // Its folder may have gone.
    child.once("error", () => {
      state = "dead";
      changed();
    });
    child.once("exit", (code, signal) => {
      exit = signal === null ? `exit status ${code}` : `signal: ${signal}`;
      state = "dead";
      kill();
      changed();
    });
  };
  const exited = (requestId: string): Answer => ({
    error: initError ?? {
      errorType: "Runtime.ExitError",
      errorMessage: `RequestId: ${requestId} Error: Runtime exited with error: ${exit}`,
    },
  });
  const isDead = () => state === "dead";
  const answered = () => answer;

  const init = async (): Promise<void> => {
    if (isDead()) return;
    await boot();
    if (isDead()) return;
    state = "running";
    await until(() => waiting !== undefined || isDead(), INIT_MS + fn.timeoutSeconds * 1000);
    beginning = false;
    if (child?.pid !== undefined && waiting !== undefined) options.onInit(child.pid);
  };

  const run = async (requestId: string, event: unknown): Promise<Answer> => {
    child?.kill("SIGCONT");
    if (isDead()) return exited(requestId);
    state = "running";
    answer = undefined;
    const deadlineMs = Date.now() + fn.timeoutSeconds * 1000;
    await until(() => waiting !== undefined || isDead(), 5_000);
    waiting?.writeHead(200, {
      "content-type": "application/json",
      "lambda-runtime-aws-request-id": requestId,
      "lambda-runtime-deadline-ms": String(deadlineMs),
      "lambda-runtime-invoked-function-arn": fn.arn,
      "lambda-runtime-trace-id": "Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=0",
    });
    waiting?.end(JSON.stringify(event));
    waiting = undefined;
    const inTime = await until(() => answered() !== undefined || isDead(), fn.timeoutSeconds * 1000);
    if (!inTime) {
      kill();
      return timedOut(requestId, fn.timeoutSeconds);
    }
    const given = answered() ?? exited(requestId);
    await until(() => waiting !== undefined || isDead(), 2_000);
    if (!isDead()) {
      child?.kill("SIGSTOP");
      state = "frozen";
    }
    return given;
  };

  return {
    root,
    pid: () => child?.pid ?? 0,
    isFree: () => state === "frozen",
    isAlive: () => !isDead(),
    isBeginning: () => beginning && !isDead(),
    init,
    run,
    kill,
  };
};
