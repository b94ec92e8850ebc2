import type { FunctionPool } from "./function-pool.ts";
import type { Gate } from "./gate.ts";
import type { InvocationResult } from "./environment.ts";

/** The settings of one function, as serverless.yml has them. */
export interface FunctionSettings {
  /** The bundle. */
  readonly file: string;
  readonly timeoutSeconds: number;
  readonly maximumRetryAttempts: number;
  readonly maximumEventAgeSeconds: number;
  /** The function that gets an event that failed for good. */
  readonly onFailure?: string;
  /** How many events it runs concurrently; further ones wait. */
  readonly concurrency: number;
}

/** One function that can be invoked: its settings, its environments, and the gate that its events wait at. */
export interface LocalFunction {
  readonly settings: FunctionSettings;
  readonly pool: FunctionPool;
  readonly gate: Gate;
}

/** Runs one invocation in an environment of the function's. Never throws. */
export const invokeFunction = (
  { pool, settings }: LocalFunction,
  event: unknown,
  requestId: string,
): Promise<InvocationResult> => pool.invoke(requestId, event, settings.timeoutSeconds * 1000);
