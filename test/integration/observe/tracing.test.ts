import { trace } from "@opentelemetry/api";
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";
import { beforeEach, expect, it } from "vitest";
import { enqueue } from "../../../lib/index.ts";
import { otelTracing } from "../../../lib/tracing.ts";
import { plain, setup as setupQueue, type SetupOptions } from "../../support/queue.ts";
import { run } from "../../support/lambda/run.ts";

const exporter = new InMemorySpanExporter();
new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register();
beforeEach(() => exporter.reset());

const setup = async (options: SetupOptions = {}) => {
  const made = await setupQueue(options);
  return { ...made, deps: { ...made.deps, tracing: otelTracing() } };
};

const attempts = () => exporter.getFinishedSpans().filter(({ name }) => name === "process plain");

it("gives a job that is enqueued in an application's transaction the application's trace", async () => {
  const { db } = await setup();
  const { traceId, id } = await trace.getTracer("application").startActiveSpan("sign up", async (span) => {
    const enqueued = await db.transaction((tx) => enqueue(tx, plain, {}));
    span.end();
    return { ...span.spanContext(), id: enqueued.id };
  });
  const [send, signUp] = exporter.getFinishedSpans();
  expect(send).toMatchObject({ name: "send plain", attributes: { "messaging.message.id": id } });
  expect(send!.parentSpanContext?.spanId).toBe(signUp!.spanContext().spanId);
  expect(await db.query("select traceparent from forgeq.job")).toEqual([
    { traceparent: `00-${traceId}-${send!.spanContext().spanId}-01` },
  ]);
});

it("ends an attempt as completed that completed in the handler's own transaction", async () => {
  const s = await setup();
  const [id] = await s.queue.enqueue(1);
  await run(s, async (_, job) => {
    await s.db.transaction((tx) => job.complete(tx));
  });
  expect(await s.queue.state(id!)).toBe("completed");
  expect(attempts().map(({ attributes, status }) => [attributes["forgeq.job.outcome"], status.code])).toEqual([
    ["completed", 0],
  ]);
});

it("has an attempt that ended before its handler was called", async () => {
  const s = await setup();
  await s.queue.enqueue(1, { payload: { n: "no number" } });
  await run(s, () => Promise.reject(new Error("not called")));
  expect(attempts().map(({ attributes }) => [attributes["forgeq.job.outcome"], attributes["error.type"]])).toEqual([
    ["dead", "InvalidPayload"],
  ]);
});
