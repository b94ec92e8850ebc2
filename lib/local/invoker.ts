/** A stand-in of Lambda's Invoke API for this machine: real processes, real time-outs, asynchronous events with their failures. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { newSecret } from "./callers.ts";
import type { EventsState, Fault } from "./events.ts";
import { createFunctionPool, type RunningInvocation } from "./function-pool.ts";
import { createGate } from "./gate.ts";
import { answerInvoke, invocationsUrl } from "./invoke-api.ts";
import type { FunctionSettings, LocalFunction } from "./local-function.ts";

export interface InvokerOptions {
  readonly functions: Readonly<Record<string, FunctionSettings>>;
  readonly env: () => Readonly<Record<string, string>>;
  readonly port?: number;
  readonly onLog?: (functionName: string, line: string) => void;
  readonly faults?: (functionName: string, event: unknown) => Fault | undefined;
  /** Pause before a failed event is retried; Lambda's are a minute and two. */
  readonly retryDelayMs?: number;
}

export interface LocalInvoker {
  /** A secret is part of it. */
  readonly endpoint: string;
  readonly running: () => RunningInvocation[];
  /** Sends an event to a function, as EventBridge does. @throws when the invoker can't be reached */
  readonly invokeLater: (functionName: string, event: unknown) => Promise<void>;
  close(): Promise<void>;
}

const RETRY_DELAY_MS = 1_000;

/** @param running - the pools keep it: the invocations under way, of all functions */
const toLocalFunctions = (options: InvokerOptions, running: Set<RunningInvocation>): Map<string, LocalFunction> =>
  new Map(
    Object.entries(options.functions).map(([functionName, settings]) => {
      const { file, concurrency } = settings;
      const onLog = (line: string) => options.onLog?.(functionName, line);
      const pool = createFunctionPool({ functionName, file, env: options.env, onLog }, running);
      return [functionName, { settings, pool, gate: createGate(concurrency) }];
    }),
  );

/** Starts the invoker on loopback. */
export const startInvoker = async (options: InvokerOptions): Promise<LocalInvoker> => {
  const running = new Set<RunningInvocation>();
  const events: EventsState = {
    functions: toLocalFunctions(options, running),
    onLog: (name, line) => options.onLog?.(name, line),
    retryDelayMs: options.retryDelayMs ?? RETRY_DELAY_MS,
    closed: false,
  };
  const secret = newSecret();
  const api = { events, faults: options.faults ?? (() => undefined), secret };
  const server = createServer((request, response) => {
    answerInvoke(api, request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/${secret}`;
  return {
    endpoint,
    running: () => [...running],
    invokeLater: async (name, event) => {
      const headers = { "x-amz-invocation-type": "Event" };
      await fetch(invocationsUrl(endpoint, name), { method: "POST", headers, body: JSON.stringify(event) });
    },
    close: async () => {
      events.closed = true;
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await Promise.all([...events.functions.values()].map(({ pool }) => pool.close()));
    },
  };
};
