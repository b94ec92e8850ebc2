/** Traces where an application brings OpenTelemetry. */
import { createRequire } from "node:module";
import { setTimeout as pause } from "node:timers/promises";
import type * as Otel from "@opentelemetry/api";
import type { Tracing } from "./queue/deps.ts";

type Api = typeof Otel;

/** Where the copies of the API in one process find what an SDK has registered: nothing is there until one has. */
const REGISTERED = Symbol.for("opentelemetry.js.api.1");

const FLUSH_MS = 2_000;

let loaded: Api | null | undefined;

/** The API, where an SDK is registered. By require, which bundlers leave alone and which finds what a Lambda layer brings. */
const registered = (): Api | null => {
  if (!(REGISTERED in globalThis)) return null;
  if (loaded !== undefined) return loaded;
  try {
    loaded = createRequire(import.meta.url)("@opentelemetry/api") as Api;
  } catch {
    loaded = null;
    process.emitWarning("An OpenTelemetry SDK is registered, but @opentelemetry/api is not installed beside ForgeQ", {
      detail: "Nothing of ForgeQ is traced.",
    });
  }
  return loaded;
};

/** What makes spans is loaded with the first. */
const spans = () => import("./spans.ts");

/**
 * Traces where an SDK is registered; until then it costs one read of a global. A span has a job's id, type and queue and the name of its error, and
 * as in the log never a payload, a result or an error's message.
 */
export const otelTracing = (): Tracing => ({
  send: async (input, work, stored) => {
    const api = registered();
    return api === null ? work(input.traceparent) : (await spans()).traceSend(api)(input, work, stored);
  },
  process: async (job, work) => {
    const api = registered();
    return api === null ? work(job.traceparent) : (await spans()).traceProcess(api)(job, work);
  },
  flush: async (longestMs = FLUSH_MS) => {
    const api = registered();
    if (api === null) return;
    const { flushProvider } = await spans();
    const late = new AbortController();
    await Promise.race([
      flushProvider(api).catch((error: unknown) => api.diag.error("forgeq: spans were not exported", error)),
      pause(longestMs, undefined, { signal: late.signal }).catch(() => undefined),
    ]);
    late.abort();
  },
});
