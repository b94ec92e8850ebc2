/** What a worker process says of itself. Loaded when somebody asks for it: no other command needs prom-client. */
import { createServer, type RequestListener } from "node:http";
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import { isLoopback } from "../core/loopback.ts";
import { BUCKET_SECONDS } from "../core/buckets.ts";
import { type CloudWatchMetric, WORKER_METRICS, type WorkerMetric } from "../core/metric-names.ts";
import { isUnwanted, release } from "../http/request-body.ts";
import { SERVER_SETTINGS } from "../http/server-settings.ts";
import type { Dimensions, Metrics } from "../queue/deps.ts";
import type { WorkerDescription } from "../queue/worker/describe.ts";
import { isFromPage, refuse } from "../local/callers.ts";
import { listen } from "./listen.ts";

/** As an API's. */
const MOST_CONNECTIONS = 500;

const OUTCOMES: Partial<Record<CloudWatchMetric, string>> = {
  JobsCompleted: "completed",
  JobsRetried: "retried",
  JobsReleased: "released",
  JobsDead: "dead",
  JobsCancelled: "cancelled",
};

export interface WorkerMetrics {
  /** For the worker's use cases. */
  readonly metrics: Metrics;
  /**
   * Answers `GET /metrics`, `GET /health` with 200 while the worker takes jobs, and `GET /state` with the worker's state, what it does next, and why, until it is closed.
   *
   * @returns the URL of the metrics
   */
  serve(port: number, host: string): Promise<{ readonly url: string; readonly close: () => Promise<void> }>;
}

const settingsOf = <Name extends WorkerMetric>(name: Name, registry: Registry) => ({
  name,
  help: WORKER_METRICS[name].help,
  labelNames: WORKER_METRICS[name].labels,
  registers: [registry],
});

const answerPages =
  (registry: Registry, describe: () => WorkerDescription | null, isOpen: boolean): RequestListener =>
  (request, response) => {
    if (isUnwanted(request)) {
      response.setHeader("connection", "close");
      request.on("data", release);
    }
    if (isFromPage(request, isOpen)) return refuse(response);
    if (request.method === "GET" && request.url === "/state") {
      const description = describe();
      const status = description === null ? 503 : 200;
      return void response
        .writeHead(status, { "content-type": "application/json", "cache-control": "no-store" })
        .end(`${JSON.stringify(description, null, 2)}\n`);
    }
    // Alive is who answers; who has not started yet, or takes nothing more, is not ready. The database does not play a part.
    if (request.method === "GET" && request.url === "/health") {
      const takes = describe()?.state["accepting"] === true;
      return void response
        .writeHead(takes ? 200 : 503, { "content-type": "application/json", "cache-control": "no-store" })
        .end(JSON.stringify({ status: takes ? "ok" : "not_taking_jobs" }));
    }
    if (request.method !== "GET" || request.url !== "/metrics") return void response.writeHead(404).end();
    registry.metrics().then(
      (page) => response.writeHead(200, { "content-type": registry.contentType }).end(page),
      () => response.writeHead(500).end(),
    );
  };

/** What the worker itself counts of its listening connection; nothing before it has started. */
const showListening = (registry: Registry, describe: () => WorkerDescription | null): void => {
  const read = (field: string): number => Number(describe()?.state[field] ?? 0);
  new Gauge({
    ...settingsOf("forgeq_worker_listening", registry),
    collect() {
      this.set(read("listening"));
    },
  });
  new Counter({
    ...settingsOf("forgeq_worker_pushes_total", registry),
    collect() {
      this.reset();
      this.inc({ outcome: "received" }, read("pushesReceived"));
      this.inc({ outcome: "found" }, read("pushesFound"));
      this.inc({ outcome: "ignored" }, read("pushesIgnored"));
    },
  });
  new Counter({
    ...settingsOf("forgeq_worker_probes_lost_total", registry),
    collect() {
      this.reset();
      this.inc(read("probesLost"));
    },
  });
};

/** Counts from the start of this process, in memory: what `GET /metrics` of the API counts is all processes', from Postgres. */
export const createWorkerMetrics = (worker: {
  readonly concurrency: number;
  readonly busy: () => number;
  /** Null before the worker has started. */
  readonly describe: () => WorkerDescription | null;
}): WorkerMetrics => {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const counter = <Name extends WorkerMetric>(name: Name) => new Counter(settingsOf(name, registry));
  const enqueued = counter("forgeq_worker_jobs_enqueued_total");
  const started = counter("forgeq_worker_attempts_started_total");
  const ended = counter("forgeq_worker_attempts_ended_total");
  const recovered = counter("forgeq_worker_leases_recovered_total");
  const runSeconds = new Histogram({
    ...settingsOf("forgeq_worker_job_run_duration_seconds", registry),
    buckets: [...BUCKET_SECONDS.run],
  });
  new Gauge({
    ...settingsOf("forgeq_worker_jobs", registry),
    collect() {
      this.set(worker.busy());
    },
  });
  new Gauge(settingsOf("forgeq_worker_concurrency", registry)).set(worker.concurrency);
  showListening(registry, worker.describe);

  const labels = ({ queue = "", type = "" }: Dimensions = {}) => ({ queue, type });
  const metrics: Metrics = {
    count: (name, value, dimensions) => {
      const outcome = OUTCOMES[name];
      if (outcome !== undefined) ended.inc({ ...labels(dimensions), outcome }, value);
      else if (name === "JobsStarted") started.inc(labels(dimensions), value);
      else if (name === "JobsEnqueued") enqueued.inc(labels(dimensions), value);
      else if (name === "LeasesRecovered") recovered.inc(value);
    },
    observe: (name, value, dimensions) => {
      if (name === "JobRun") runSeconds.observe(labels(dimensions), value / 1000);
    },
    flush: () => undefined,
  };

  return {
    metrics,
    serve: async (port, host) => {
      const server = createServer(SERVER_SETTINGS, answerPages(registry, worker.describe, !isLoopback(host)));
      server.maxConnections = MOST_CONNECTIONS;
      const origin = await listen(server, port, host, "--metrics-port");
      return {
        url: `${origin}/metrics`,
        close: () =>
          new Promise((closed) => {
            server.close(() => closed());
            server.closeAllConnections();
          }),
      };
    },
  };
};
