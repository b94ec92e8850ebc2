import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

interface Value {
  readonly stringValue?: string;
  readonly intValue?: number | string;
}

/** A span as OTLP/JSON has it. https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding */
interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: Value }[];
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly status: { readonly code?: number };
}

interface Request {
  readonly resourceSpans: readonly { readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[] }[];
}

const KINDS = ["unspecified", "internal", "server", "client", "producer", "consumer"];
const ERROR = 2;

const attribute = (span: OtlpSpan, name: string): string => {
  const value = span.attributes.find(({ key }) => key === name)?.value;
  return String(value?.stringValue ?? value?.intValue ?? "");
};

/** One line: name, kind, message, attempt and how it ended, and the spans that it is linked to but for its parent. */
const describeSpan = (span: OtlpSpan): string =>
  [
    `${span.name}, ${KINDS[span.kind]}`,
    attribute(span, "messaging.message.id"),
    ...["forgeq.job.attempt", "forgeq.job.outcome", "error.type"].map((name) => attribute(span, name)),
    span.status.code === ERROR ? "error" : "",
    ...span.links.map(({ spanId }) => (spanId === span.parentSpanId ? "linked" : `linked to ${spanId}`)),
  ]
    .filter(Boolean)
    .join(" ");

/** An OTLP/HTTP receiver. Ends with the test. */
export const startOtlpReceiver = async () => {
  const spans: OtlpSpan[] = [];
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
      const body = Buffer.concat(chunks).toString("utf8");
      bodies.push(body);
      for (const { scopeSpans } of (JSON.parse(body) as Request).resourceSpans)
        spans.push(...scopeSpans.flatMap((scope) => scope.spans));
      response.writeHead(200, { "content-type": "application/json" }).end("{}");
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  /** The spans below one, each line further to the right than its parent's. */
  const below = (traceId: string, parentSpanId: string, indent = ""): string[] =>
    spans
      .filter((span) => span.traceId === traceId && span.parentSpanId === parentSpanId)
      .sort((a, b) => (BigInt(a.startTimeUnixNano) < BigInt(b.startTimeUnixNano) ? -1 : 1))
      .flatMap((span) => [indent + describeSpan(span), ...below(traceId, span.spanId, `${indent}  `)]);

  const { port } = server.address() as AddressInfo;
  return {
    /** What makes a process register the SDK and send here. */
    env: {
      NODE_OPTIONS: `--import ${new URL("./otel.ts", import.meta.url).href}`,
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
    },
    spans,
    bodies,
    below,
  };
};
