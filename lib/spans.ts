/** Spans by OpenTelemetry's conventions for messaging. https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/ */
import type * as Otel from "@opentelemetry/api";
import { ForgeqError } from "./core/errors.ts";
import { TRACEPARENT } from "./core/traceparent.ts";
import type { Ended } from "./db/protocol/settle.ts";
import type { Tracing } from "./queue/deps.ts";

type Api = typeof Otel;

const FAILED: ReadonlySet<Ended["outcome"]> = new Set(["retry", "dead", "timed_out", "worker_crashed"]);

const format = ({ traceId, spanId, traceFlags }: Otel.SpanContext): string =>
  `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`;

const parse = (api: Api, traceparent: string | null | undefined): Otel.SpanContext | null => {
  const [, traceId = "", spanId = "", flags = ""] = TRACEPARENT.exec(traceparent ?? "") ?? [];
  const context = { traceId, spanId, traceFlags: parseInt(flags, 16), isRemote: true };
  return api.isSpanContextValid(context) ? context : null;
};

/** A fault of the SDK, or of what is plugged into it, costs a span and never a job. */
const guarded = <Value>(api: Api, run: () => Value): Value | null => {
  try {
    return run();
  } catch (error) {
    api.diag.error("forgeq: a span failed", error);
    return null;
  }
};

const attributesOf = (operation: "send" | "process"): Otel.Attributes => ({
  "messaging.system": "forgeq",
  "messaging.operation.name": operation,
  "messaging.operation.type": operation,
});

const fail = (api: Api, span: Otel.Span, type: string): void => {
  span.setAttribute("error.type", type);
  span.setStatus({ code: api.SpanStatusCode.ERROR });
};

/** Runs `work` in a span that is active meanwhile, with the span's context as its traceparent: `given` where there is none. */
const inSpan = async <Result, Nothing extends null | undefined>(
  api: Api,
  given: string | Nothing,
  start: { readonly name: string; readonly options: Otel.SpanOptions; readonly parent: Otel.Context },
  work: (traceparent: string | Nothing) => Promise<Result>,
  end: (span: Otel.Span, result: Result) => void,
): Promise<Result> => {
  const { name, options, parent } = start;
  const span = guarded(api, () => api.trace.getTracer("forgeq").startSpan(name, options, parent));
  if (span === null) return work(given);
  const own = span.spanContext();
  try {
    const result = await api.context.with(api.trace.setSpan(parent, span), () =>
      work(api.isSpanContextValid(own) ? format(own) : given),
    );
    guarded(api, () => end(span, result));
    return result;
  } catch (error) {
    guarded(api, () => fail(api, span, error instanceof ForgeqError ? error.code : "_OTHER"));
    throw error;
  } finally {
    guarded(api, () => span.end());
  }
};

const activeSpan = (api: Api): Otel.SpanContext | null => {
  const active = api.trace.getSpanContext(api.context.active());
  return active !== undefined && api.isSpanContextValid(active) ? active : null;
};

const linksTo = (contexts: readonly (Otel.SpanContext | null)[]): Otel.Link[] =>
  contexts.filter((context) => context !== null).map((context) => ({ context }));

export const traceSend =
  (api: Api): Tracing["send"] =>
  async ({ traceparent, jobs }, work, stored) => {
    const [caller, active] = [parse(api, traceparent), activeSpan(api)];
    // An active span of the caller's trace is nearer than what the caller sent; one of another trace is linked.
    const apart = caller !== null && caller.traceId !== active?.traceId;
    const parent = apart ? api.trace.setSpanContext(api.context.active(), caller) : api.context.active();
    const count = jobs === 1 ? {} : { "messaging.batch.message_count": jobs };
    const attributes = { ...attributesOf("send"), ...count };
    const options = { kind: api.SpanKind.PRODUCER, attributes, links: linksTo([apart ? active : null]) };
    return inSpan(api, traceparent, { name: "send", options, parent }, work, (span, result) => {
      const messages = stored(result);
      const queues = new Set(messages.map(({ queue }) => queue));
      const [queue] = queues;
      if (queues.size === 1 && typeof queue === "string")
        span.updateName(`send ${queue}`).setAttribute("messaging.destination.name", queue);
      if (jobs === 1 && messages[0] !== undefined) span.setAttribute("messaging.message.id", messages[0].id);
    });
  };

export const traceProcess =
  (api: Api): Tracing["process"] =>
  async (job, work) => {
    const [producer, active] = [parse(api, job.traceparent), activeSpan(api)];
    const parent = producer === null ? api.context.active() : api.trace.setSpanContext(api.context.active(), producer);
    const attributes = {
      ...attributesOf("process"),
      "messaging.destination.name": job.queue,
      "messaging.message.id": job.id,
      "forgeq.job.type": job.type,
      "forgeq.job.attempt": job.attempt,
      "forgeq.job.max_attempts": job.maxAttempts,
    };
    const links = producer === null ? [] : linksTo([producer, active]);
    const options = { kind: api.SpanKind.CONSUMER, attributes, links };
    return inSpan(api, job.traceparent, { name: `process ${job.queue}`, options, parent }, work, (span, ended) => {
      span.setAttribute("forgeq.job.outcome", ended.outcome);
      if (FAILED.has(ended.outcome)) fail(api, span, ended.error?.name ?? "_OTHER");
    });
  };

/** An SDK's provider can flush; the API's does not say so. */
export const flushProvider = async (api: Api): Promise<void> => {
  const provider = api.trace.getTracerProvider() as Partial<Pick<Otel.ProxyTracerProvider, "getDelegate">>;
  const sdk = (provider.getDelegate?.() ?? provider) as { readonly forceFlush?: () => Promise<void> };
  await sdk.forceFlush?.();
};
