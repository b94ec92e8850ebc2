import { statSync } from "node:fs";
import { type Environment, type EnvironmentOptions, type InvocationResult, startEnvironment } from "./environment.ts";
import { messageOf } from "../core/reason.ts";

export interface RunningInvocation {
  readonly functionName: string;
  readonly requestId: string;
  readonly pid: number;
  readonly event: unknown;
}

/** The environments of one function: idle ones are used again, those of an older bundle are retired. */
export interface FunctionPool {
  /** Runs one invocation. Never throws. */
  invoke(requestId: string, event: unknown, timeoutMs: number): Promise<InvocationResult>;
  /** Ends all of them, whatever they run. */
  close(): Promise<void>;
}

/** @param running - the pool adds each of its invocations while it runs */
export const createFunctionPool = (options: EnvironmentOptions, running: Set<RunningInvocation>): FunctionPool => {
  const idle: { readonly environment: Environment; readonly builtAtMs: number }[] = [];
  const starting = new Set<Promise<Environment>>();
  const busy = new Set<Environment>();
  let closed = false;

  const builtAt = (): number => statSync(options.file, { throwIfNoEntry: false })?.mtimeMs ?? 0;

  const take = async (builtAtMs: number): Promise<Environment> => {
    for (let entry = idle.pop(); entry !== undefined; entry = idle.pop()) {
      if (entry.environment.isAlive() && entry.builtAtMs === builtAtMs) return entry.environment;
      entry.environment.kill();
    }
    const started = startEnvironment(options);
    starting.add(started);
    return started.finally(() => starting.delete(started));
  };

  return {
    invoke: async (requestId, event, timeoutMs) => {
      const builtAtMs = builtAt();
      let environment: Environment;
      try {
        environment = await take(builtAtMs);
      } catch (error) {
        const message = messageOf(error);
        return { error: { errorType: "Runtime.ExitError", errorMessage: `RequestId: ${requestId} Error: ${message}` } };
      }
      if (closed) {
        environment.kill();
        return { error: { errorType: "Runtime.ExitError", errorMessage: "the invoker is closing" } };
      }
      busy.add(environment);
      // Deliveries of one event share its request id.
      const invocation = { functionName: options.functionName, requestId, pid: environment.pid, event };
      running.add(invocation);
      const result = await environment.run(requestId, event, timeoutMs);
      running.delete(invocation);
      busy.delete(environment);
      if (environment.isAlive()) idle.push({ environment, builtAtMs });
      return result;
    },
    close: async () => {
      closed = true;
      await Promise.allSettled(starting);
      for (const environment of [...busy, ...idle.map((entry) => entry.environment)]) environment.kill();
    },
  };
};
