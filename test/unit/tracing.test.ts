import { context, diag, type Span, type SpanContext, SpanStatusCode, SpanKind, trace } from "@opentelemetry/api";
import {
  AlwaysOffSampler,
  InMemorySpanExporter,
  NodeTracerProvider,
  SimpleSpanProcessor,
  type SpanProcessor,
} from "@opentelemetry/sdk-trace-node";
import { afterEach, describe, expect, it, vi } from "vitest";
import { ForgeqError } from "../../lib/core/errors.ts";
import type { LeasedJob } from "../../lib/db/protocol/leased-job.ts";
import type { Ended } from "../../lib/db/protocol/settle.ts";
import { otelTracing } from "../../lib/tracing.ts";

const CALLER = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", traceFlags: 1 };
const traceparentOf = ({ traceId, spanId, traceFlags }: SpanContext) => `00-${traceId}-${spanId}-0${traceFlags}`;
const FROM_CALLER = traceparentOf(CALLER);

const job = (traceparent: string | null = FROM_CALLER): LeasedJob => ({
  id: "019ab000-0000-7000-8000-00000000000a",
  type: "send_email",
  queue: "emails",
  attempt: 2,
  maxAttempts: 8,
  depth: 0,
  waitedMs: 0,
  traceparent,
  metadata: null,
  uniqueKey: null,
  payload: {},
});

const tracing = otelTracing();
const exporter = new InMemorySpanExporter();

const register = (config: ConstructorParameters<typeof NodeTracerProvider>[0] = {}) => {
  const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)], ...config });
  provider.register();
  return provider;
};

afterEach(() => {
  exporter.reset();
  for (const api of [trace, context, diag]) api.disable();
});

const send = (traceparent: string | undefined, queues: readonly (string | null)[] = ["emails"]) =>
  tracing.send(
    { traceparent, jobs: queues.length },
    (stored) => Promise.resolve(stored),
    () => queues.map((queue, n) => ({ id: `id-${n}`, queue })),
  );

const attempt = (ended: Omit<Ended, "id">, given = job()) => {
  const seen: { traceparent: string | null; active: Span | undefined } = { traceparent: null, active: undefined };
  const done = tracing.process(given, async (traceparent) => {
    await Promise.resolve();
    Object.assign(seen, { traceparent, active: trace.getActiveSpan() });
    return { id: given.id, ...ended };
  });
  return done.then(() => seen);
};

describe("without an SDK", () => {
  it.each([FROM_CALLER, `00-${CALLER.traceId}-${CALLER.spanId}-03`, `00-${"0".repeat(32)}-${"0".repeat(16)}-00`])(
    "leaves %s exactly as it was sent",
    async (traceparent) => {
      expect(await send(traceparent)).toBe(traceparent);
      // Something of the API is registered, and no tracer.
      diag.setLogger({ ...console, verbose: console.log });
      expect(await send(traceparent)).toBe(traceparent);
      expect(await attempt({ outcome: "completed" }, job(traceparent))).toMatchObject({ traceparent });
      await tracing.flush();
    },
  );

  it("makes no trace where none was sent", async () => {
    diag.setLogger({ ...console, verbose: console.log });
    expect(await send(undefined)).toBeUndefined();
    expect(await attempt({ outcome: "completed" }, job(null))).toMatchObject({ traceparent: null });
  });
});

describe("an enqueue", () => {
  it("is a producer span below its caller, whose context goes with the job", async () => {
    register();
    const stored = await send(FROM_CALLER);
    const [span] = exporter.getFinishedSpans();
    expect(stored).toBe(traceparentOf(span!.spanContext()));
    expect(span).toMatchObject({ name: "send emails", kind: SpanKind.PRODUCER, links: [] });
    expect(span!.parentSpanContext).toMatchObject({ ...CALLER, isRemote: true });
    expect(span!.attributes).toEqual({
      "messaging.system": "forgeq",
      "messaging.operation.name": "send",
      "messaging.operation.type": "send",
      "messaging.destination.name": "emails",
      "messaging.message.id": "id-0",
    });
  });

  it("of several jobs counts them, and names their queue where it is one", async () => {
    register();
    await send(undefined, ["emails", "emails"]);
    await send(undefined, ["emails", "crawl"]);
    const [same, mixed] = exporter.getFinishedSpans();
    expect(same).toMatchObject({ name: "send emails", attributes: { "messaging.batch.message_count": 2 } });
    expect(same!.attributes).not.toHaveProperty("messaging.message.id");
    expect(mixed!.name).toBe("send");
    expect(mixed!.attributes).not.toHaveProperty("messaging.destination.name");
  });

  it("is below the active span of the caller's trace, and linked to one of another", async () => {
    register();
    const tracer = trace.getTracer("test");
    const within = (name: string, parent = context.active()) =>
      tracer.startActiveSpan(name, {}, parent, async (span) => {
        await send(FROM_CALLER);
        span.end();
      });
    await within("server", trace.setSpanContext(context.active(), CALLER));
    await within("other");
    const [near, server, apart, other] = exporter.getFinishedSpans();
    expect(near!.parentSpanContext?.spanId).toBe(server!.spanContext().spanId);
    expect(near!.links).toEqual([]);
    expect(apart!.parentSpanContext?.spanId).toBe(CALLER.spanId);
    expect(apart!.links.map((link) => link.context.spanId)).toEqual([other!.spanContext().spanId]);
  });

  it("that is refused has the code and not the message", async () => {
    register();
    const refusal = new ForgeqError("queue_full", "a canary");
    const refused = tracing.send(
      { traceparent: FROM_CALLER, jobs: 1 },
      () => Promise.reject(refusal),
      () => [],
    );
    await expect(refused).rejects.toBe(refusal);
    const [span] = exporter.getFinishedSpans();
    expect(span).toMatchObject({ status: { code: SpanStatusCode.ERROR }, events: [] });
    expect(span!.attributes).toMatchObject({ "error.type": "queue_full" });
  });
});

describe("an attempt", () => {
  it("is a consumer span below its producer and linked to it, active while the handler runs", async () => {
    register();
    const { traceparent, active } = await attempt({ outcome: "completed" });
    const [span] = exporter.getFinishedSpans();
    expect(active?.spanContext()).toEqual(span!.spanContext());
    expect(traceparent).toBe(traceparentOf(span!.spanContext()));
    expect(span).toMatchObject({ name: "process emails", kind: SpanKind.CONSUMER });
    expect(span!.status.code).toBe(SpanStatusCode.UNSET);
    expect(span!.parentSpanContext).toMatchObject(CALLER);
    expect(span!.links.map((link) => link.context)).toMatchObject([CALLER]);
    expect(span!.attributes).toEqual({
      "messaging.system": "forgeq",
      "messaging.operation.name": "process",
      "messaging.operation.type": "process",
      "messaging.destination.name": "emails",
      "messaging.message.id": job().id,
      "forgeq.job.type": "send_email",
      "forgeq.job.attempt": 2,
      "forgeq.job.max_attempts": 8,
      "forgeq.job.outcome": "completed",
    });
  });

  it.each(["retry", "dead", "timed_out"] as const)("that ends as %s has an error, by name only", async (outcome) => {
    register();
    await attempt({ outcome, error: { name: "TypeError", message: "a canary", stack: "a canary" } });
    const [span] = exporter.getFinishedSpans();
    expect(span).toMatchObject({ status: { code: SpanStatusCode.ERROR }, events: [] });
    expect(span!.attributes).toMatchObject({ "forgeq.job.outcome": outcome, "error.type": "TypeError" });
    expect(JSON.stringify([span!.attributes, span!.status, span!.events])).not.toContain("canary");
  });

  it.each(["released", "snoozed"] as const)("that ends as %s has none", async (outcome) => {
    register();
    await attempt({ outcome });
    expect(exporter.getFinishedSpans()[0]!.status.code).toBe(SpanStatusCode.UNSET);
  });

  it("is linked to the span of its invocation, and below it where the job has no producer", async () => {
    register();
    await trace.getTracer("test").startActiveSpan("invocation", async (span) => {
      await attempt({ outcome: "completed" });
      await attempt({ outcome: "completed" }, job(null));
      span.end();
    });
    const [produced, orphan, invocation] = exporter.getFinishedSpans();
    const { spanId } = invocation!.spanContext();
    expect(produced!.links.map((link) => link.context.spanId)).toEqual([CALLER.spanId, spanId]);
    expect(orphan).toMatchObject({ parentSpanContext: { spanId }, links: [] });
  });
});

describe("an SDK", () => {
  it("that samples a trace out is believed by whoever comes after", async () => {
    register({ sampler: new AlwaysOffSampler() });
    const stored = await send(FROM_CALLER);
    expect(stored).toMatch(new RegExp(`^00-${CALLER.traceId}-[0-9a-f]{16}-00$`));
    expect(stored).not.toContain(CALLER.spanId);
    expect(exporter.getFinishedSpans()).toEqual([]);
  });

  it.each(["onStart", "onEnd"] as const)("whose %s throws costs no job", async (broken) => {
    const processor: SpanProcessor = {
      onStart: () => undefined,
      onEnd: () => undefined,
      forceFlush: () => Promise.reject(new Error("broken")),
      shutdown: () => Promise.resolve(),
      [broken]: () => {
        throw new Error("broken");
      },
    };
    register({ spanProcessors: [processor] });
    expect(await send(FROM_CALLER)).toContain(CALLER.traceId);
    expect(await attempt({ outcome: "completed" })).toHaveProperty("traceparent");
    await tracing.flush();
  });

  it("is flushed before an invocation ends", async () => {
    const provider = register();
    const flushed = vi.spyOn(provider, "forceFlush");
    await tracing.flush();
    expect(flushed).toHaveBeenCalledOnce();
  });
});
