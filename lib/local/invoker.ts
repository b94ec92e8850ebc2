/** A stand-in of Lambda's Invoke API for this machine: real processes, real time-outs, asynchronous events with their failures. */
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createFunctionPool, type RunningInvocation } from "./function-pool.ts";
import type { InvocationResult } from "./environment.ts";

export interface LocalFunction {
  /** The bundle. */
  readonly file: string;
  readonly timeoutSeconds: number;
  readonly maximumRetryAttempts: number;
  readonly maximumEventAgeSeconds: number;
  /** The function that is told of an event that failed for good. */
  readonly onFailure?: string;
  /** Invocations at once; further events wait. */
  readonly concurrency: number;
}

/** What a test does to one asynchronous event. */
export interface Fault {
  /** Deliver it so many times, with one request id. */
  readonly times?: number;
  readonly delayMs?: number;
  /** Accept it and never deliver it. */
  readonly drop?: boolean;
  /** Answer 429. */
  readonly throttle?: boolean;
}

export interface InvokerOptions {
  readonly functions: Readonly<Record<string, LocalFunction>>;
  readonly env: () => Readonly<Record<string, string>>;
  readonly port?: number;
  readonly onLog?: (functionName: string, line: string) => void;
  readonly faults?: (functionName: string, event: unknown) => Fault | undefined;
  /** Pause before a failed event is retried; Lambda's are a minute and two. */
  readonly retryDelayMs?: number;
}

export interface LocalInvoker {
  readonly endpoint: string;
  readonly running: () => RunningInvocation[];
  close(): Promise<void>;
}

const MAX_ASYNC_BYTES = 1024 * 1024;
const PATH = /^\/2015-03-31\/functions\/([^/?]+)\/invocations$/;

const readBody = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
};

/** Runs at most `limit` at once, in the order they came. */
const createGate = (limit: number) => {
  const waiting: (() => void)[] = [];
  let inside = 0;
  return async <Result>(work: () => Promise<Result>): Promise<Result> => {
    if (inside >= limit) await new Promise<void>((resolve) => waiting.push(resolve));
    else inside += 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) inside -= 1;
      else next();
    }
  };
};

export const startInvoker = async (options: InvokerOptions): Promise<LocalInvoker> => {
  const running = new Set<RunningInvocation>();
  const functions = new Map(
    Object.entries(options.functions).map(([name, settings]) => {
      const onLog = (line: string) => options.onLog?.(name, line);
      const pool = createFunctionPool({ functionName: name, file: settings.file, env: options.env, onLog }, running);
      return [name, { settings, pool, gate: createGate(settings.concurrency) }] as const;
    }),
  );
  let closed = false;

  const invoke = (name: string, event: unknown, requestId: string): Promise<InvocationResult> => {
    const target = functions.get(name);
    if (target === undefined) throw new Error(`no function ${name}`);
    return target.pool.invoke(requestId, event, target.settings.timeoutSeconds * 1000);
  };

  const report = async (
    name: string,
    event: unknown,
    requestId: string,
    condition: string,
    tries: number,
    failure: InvocationResult | null,
  ) => {
    const onFailure = functions.get(name)?.settings.onFailure;
    if (onFailure === undefined || closed) return;
    await deliver(onFailure, {
      version: "1.0",
      timestamp: new Date().toISOString(),
      requestContext: {
        requestId,
        functionArn: `arn:aws:lambda:local:000000000000:function:${name}:$LATEST`,
        condition,
        approximateInvokeCount: tries,
      },
      requestPayload: event,
      ...(failure !== null && "error" in failure
        ? {
            responseContext: { statusCode: 200, executedVersion: "$LATEST", functionError: "Unhandled" },
            responsePayload: failure.error,
          }
        : {}),
    });
  };

  /** One asynchronous event, to its end: waits for room, retries, tells the destination. */
  const deliver = async (name: string, event: unknown, requestId: string = randomUUID()): Promise<void> => {
    const target = functions.get(name);
    if (target === undefined) return;
    const { settings, gate } = target;
    const acceptedAtMs = Date.now();
    for (let tries = 0; !closed;) {
      const result = await gate(async () => {
        if (Date.now() - acceptedAtMs > settings.maximumEventAgeSeconds * 1000) return null;
        tries += 1;
        return invoke(name, event, requestId);
      });
      if (result === null) return report(name, event, requestId, "EventAgeExceeded", tries, null);
      if (!("error" in result) || closed) return;
      options.onLog?.(name, `${result.error.errorType}: ${result.error.errorMessage}`);
      if (tries > settings.maximumRetryAttempts)
        return report(name, event, requestId, "RetriesExhausted", tries, result);
      await new Promise((resolve) => setTimeout(resolve, options.retryDelayMs ?? 1_000));
    }
  };

  const accept = (name: string, event: unknown, requestId: string, fault: Fault | undefined): void => {
    if (fault?.drop === true) return;
    const send = () => {
      for (let n = 0; n < (fault?.times ?? 1); n += 1) void deliver(name, event, requestId);
    };
    if (fault?.delayMs === undefined) send();
    else setTimeout(send, fault.delayMs).unref();
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const requestId = randomUUID();
    const reply = (status: number, body: unknown, headers: Record<string, string> = {}) =>
      response
        .writeHead(status, { "content-type": "application/json", "x-amzn-requestid": requestId, ...headers })
        .end(body === null ? "" : JSON.stringify(body));
    const refuse = (status: number, type: string, message: string) =>
      reply(status, { Type: "User", Message: message }, { "x-amzn-errortype": type });

    const name = decodeURIComponent(PATH.exec(request.url ?? "")?.[1] ?? "");
    if (request.method !== "POST" || !functions.has(name))
      return void refuse(404, "ResourceNotFoundException", `Function not found: ${name}`);
    const body = await readBody(request);
    let event: unknown;
    try {
      event = body.length === 0 ? {} : JSON.parse(body.toString("utf8"));
    } catch {
      return void refuse(400, "InvalidRequestContentException", "Could not parse request body into json");
    }
    if (request.headers["x-amz-invocation-type"] === "Event") {
      if (body.length > MAX_ASYNC_BYTES)
        return void refuse(413, "RequestTooLargeException", `${body.length} byte payload is too large`);
      const fault = options.faults?.(name, event);
      if (fault?.throttle === true) return void refuse(429, "TooManyRequestsException", "Rate Exceeded.");
      accept(name, event, requestId, fault);
      return void reply(202, null);
    }
    const result = await invoke(name, event, requestId);
    if ("error" in result) return void reply(200, result.error, { "x-amz-function-error": "Unhandled" });
    reply(200, result.result);
  };

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    running: () => [...running],
    close: async () => {
      closed = true;
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await Promise.all([...functions.values()].map(({ pool }) => pool.close()));
    },
  };
};
