/** Asynchronous events, as Lambda delivers them: they wait for a free environment, are retried, and reach a destination when they fail. */
import { randomUUID } from "node:crypto";
import type { InvocationResult } from "./environment.ts";
import { invokeFunction, type LocalFunction } from "./local-function.ts";

/** What a test does to one asynchronous event. */
export interface Fault {
  /** Deliver it this many times, with one request id. */
  readonly times?: number;
  readonly delayMs?: number;
  /** Accept it and never deliver it. */
  readonly drop?: boolean;
  /** Answer 429. */
  readonly throttle?: boolean;
}

/** What the delivery of events works on. */
export interface EventsState {
  readonly functions: ReadonlyMap<string, LocalFunction>;
  readonly onLog: (functionName: string, line: string) => void;
  /** Pause before a failed event is retried. */
  readonly retryDelayMs: number;
  /** Set by the invoker's `close` and never cleared: from then on nothing is delivered, retried or reported. */
  closed: boolean;
}

/** One event on its way. */
interface Delivery {
  readonly name: string;
  readonly event: unknown;
  readonly requestId: string;
  readonly acceptedAtMs: number;
  /** Counted by each try that was not too late. */
  tries: number;
}

/** Sends what became of an event that failed for good to the function's destination, where it has one. */
const report = async (
  state: EventsState,
  { name, event, requestId, tries }: Delivery,
  condition: "EventAgeExceeded" | "RetriesExhausted",
  failure: InvocationResult | null,
): Promise<void> => {
  const onFailure = state.functions.get(name)?.settings.onFailure;
  if (onFailure === undefined || state.closed) return;
  await deliver(state, onFailure, {
    version: "1.0",
    timestamp: new Date().toISOString(),
    requestContext: {
      requestId,
      functionArn: `arn:aws:lambda:local:000000000000:function:${name}:$LATEST`,
      condition,
      approximateInvokeCount: tries,
    },
    requestPayload: event,
    ...(failure !== null &&
      "error" in failure && {
        responseContext: { statusCode: 200, executedVersion: "$LATEST", functionError: "Unhandled" },
        responsePayload: failure.error,
      }),
  });
};

/** One try of an event, once the function has a free environment. Null when the event is too old by then. */
const attempt = (target: LocalFunction, delivery: Delivery): Promise<InvocationResult | null> =>
  target.gate(async () => {
    if (Date.now() - delivery.acceptedAtMs > target.settings.maximumEventAgeSeconds * 1000) return null;
    delivery.tries += 1;
    return invokeFunction(target, delivery.event, delivery.requestId);
  });

/** Delivers one event until it succeeds, is too old, or has no tries left; then its destination gets it. Never throws. */
export const deliver = async (
  state: EventsState,
  name: string,
  event: unknown,
  requestId: string = randomUUID(),
): Promise<void> => {
  const target = state.functions.get(name);
  if (target === undefined) return;
  const delivery: Delivery = { name, event, requestId, acceptedAtMs: Date.now(), tries: 0 };
  while (!state.closed) {
    const result = await attempt(target, delivery);
    if (result === null) return report(state, delivery, "EventAgeExceeded", null);
    if (!("error" in result) || state.closed) return;
    state.onLog(name, `${result.error.errorType}: ${result.error.errorMessage}`);
    if (delivery.tries > target.settings.maximumRetryAttempts)
      return report(state, delivery, "RetriesExhausted", result);
    await new Promise((resolve) => setTimeout(resolve, state.retryDelayMs));
  }
};

/** Takes an event that was answered with 202, and delivers it as the fault says. */
export const accept = (
  state: EventsState,
  name: string,
  event: unknown,
  requestId: string,
  { drop = false, times = 1, delayMs }: Fault = {},
): void => {
  if (drop) return;
  const send = () => {
    for (let n = 0; n < times; n += 1) void deliver(state, name, event, requestId);
  };
  if (delayMs === undefined) send();
  else setTimeout(send, delayMs).unref();
};
