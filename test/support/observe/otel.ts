/** What an application preloads with `--import`: an SDK that exports when it is flushed, and at no other time. */
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";

const NEVER_MS = 2_000_000_000;

new NodeTracerProvider({
  spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter(), { scheduledDelayMillis: NEVER_MS })],
}).register();
