/** Lambda's queue of asynchronous invokes: retries, the age of events, duplicates, the on-failure destination. */
import { randomUUID } from "node:crypto";
import { failureRecord } from "./events.ts";
import type { Answer } from "./environment.ts";
import type { Account } from "./services.ts";
import type { LambdaFunction } from "./template.ts";

const FIRST_RETRY_MS = 60_000;
const SECOND_RETRY_MS = 120_000;
const FIRST_THROTTLE_MS = 1_000;
const LONGEST_THROTTLE_MS = 300_000;

export interface AsynchronousOptions {
  readonly account: Account;
  /** @returns "throttled" where there is no concurrency left */
  readonly invoke: (fn: LambdaFunction, event: unknown, requestId: string) => Promise<Answer | "throttled">;
  /** How often an event is delivered beside the first time. */
  readonly duplicates: () => number;
  /** Lambda's pauses are multiplied by it. */
  readonly pace: number;
}

export interface Asynchronous {
  send(fn: LambdaFunction, event: unknown): void;
  /** Events that have not been dealt with. */
  readonly pending: () => number;
  /** What was given up, by function and condition. */
  readonly dropped: readonly string[];
  stop(): void;
}

interface Queued {
  readonly fn: LambdaFunction;
  readonly event: unknown;
  readonly requestId: string;
  readonly sinceMs: number;
}

export const createAsynchronous = (options: AsynchronousOptions): Asynchronous => {
  const { account, invoke, duplicates, pace } = options;
  const timers = new Set<NodeJS.Timeout>();
  const dropped: string[] = [];
  let pending = 0;
  let stopped = false;

  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(() => {
        timers.delete(timer);
        resolve();
      }, ms * pace);
      timers.add(timer);
    });

  const give = (
    one: Queued,
    condition: "RetriesExhausted" | "EventAgeExceeded",
    tries: number,
    error?: unknown,
  ): void => {
    const { fn, event: payload, requestId } = one;
    dropped.push(`${fn.key} ${condition}`);
    const to = [...account.template.functions.values()].find(({ id }) => id === fn.onFailure);
    if (to === undefined) return;
    if (account.template.grant(fn.role, "lambda:InvokeFunction", to.arn) === undefined)
      return void account.refused.push(`${fn.key}: its destination`);
    send(to, failureRecord({ requestId, arn: fn.arn, condition, tries, payload, error }));
  };

  const deliver = async (one: Queued): Promise<void> => {
    const { fn, event, requestId, sinceMs } = one;
    let [tries, throttledMs] = [0, FIRST_THROTTLE_MS];
    while (!stopped) {
      if (Date.now() - sinceMs > fn.maxAgeSeconds * 1000) return give(one, "EventAgeExceeded", tries);
      const answer = await invoke(fn, event, requestId);
      if (answer === "throttled") {
        await pause(throttledMs * (0.5 + Math.random() / 2));
        throttledMs = Math.min(throttledMs * 2, LONGEST_THROTTLE_MS);
        continue;
      }
      tries += 1;
      if (!("error" in answer)) return;
      if (tries > fn.retries) return give(one, "RetriesExhausted", tries, answer.error);
      await pause(tries === 1 ? FIRST_RETRY_MS : SECOND_RETRY_MS);
    }
  };

  const send = (fn: LambdaFunction, event: unknown): void => {
    const one = { fn, event, requestId: randomUUID(), sinceMs: Date.now() };
    for (let left = 1 + duplicates(); left > 0; left -= 1) {
      pending += 1;
      void deliver(one).finally(() => (pending -= 1));
    }
  };

  return {
    send,
    pending: () => pending,
    dropped,
    stop: () => {
      stopped = true;
      for (const timer of timers) clearTimeout(timer);
    },
  };
};
