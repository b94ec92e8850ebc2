import { BUCKET_SECONDS } from "../../core/buckets.ts";
import { PROMETHEUS_METRICS, type PrometheusMetric } from "../../core/metric-names.ts";
import { refusals } from "../../core/refusals.ts";
import { type HistogramSample, renderHistogram, renderSamples, type Sample } from "../../core/prometheus.ts";
import { type BlockedType, blockedTypes, type UnservedType, unservedTypes } from "../../db/reads/waiting-types.ts";
import { type CounterRow, type LastTick, lastTick, readCounters } from "../../db/reads/metrics.ts";
import { busiestQueues, type QueueStats, readQueueStats } from "../../db/reads/stats.ts";
import type { Deps } from "../deps.ts";
import { MAX_OBSERVED_QUEUES } from "./queue-stats.ts";

const CACHED_MS = 10_000;

const STATES = ["scheduled", "pending", "leased", "running", "dead"] as const;

/** The rows whose names begin so, with the rest of the name as the label. */
const counted = (rows: readonly CounterRow[], prefix: string, label?: string): Sample[] =>
  rows
    .filter(({ name }) => (label === undefined ? name === prefix : name.startsWith(prefix)))
    .map(({ queue, type, name, value }) => ({
      labels: { queue, type, ...(label !== undefined && { [label]: name.slice(prefix.length) }) },
      value,
    }));

const histogram = (rows: readonly CounterRow[], kind: keyof typeof BUCKET_SECONDS): HistogramSample[] => {
  const series = Map.groupBy(
    rows.filter(({ name }) => name.startsWith(`${kind}_`)),
    ({ queue, type }) => JSON.stringify([queue, type]),
  );
  return [...series.values()].map((of) => {
    const values = new Map(of.map(({ name, value }) => [name.slice(kind.length + 1), value]));
    return {
      labels: { queue: of[0]?.queue ?? "", type: of[0]?.type ?? "" },
      buckets: [...BUCKET_SECONDS[kind], Infinity].map((_, index) => values.get(String(index)) ?? 0),
      sum: (values.get("ms") ?? 0) / 1000,
    };
  });
};

const ofQueues = (queues: readonly QueueStats[], value: (queue: QueueStats) => number | null): Sample[] =>
  queues.flatMap((queue) => {
    const number = value(queue);
    return number === null ? [] : [{ labels: { queue: queue.name }, value: number }];
  });

const render = (
  { config }: Deps,
  rows: readonly CounterRow[],
  queues: readonly QueueStats[],
  { blocked, unserved }: { readonly blocked: readonly BlockedType[]; readonly unserved: readonly UnservedType[] },
  leftOut: number,
  tick: LastTick,
  scrapeSeconds: number,
): string => {
  const samples: Record<PrometheusMetric, readonly Sample[] | readonly HistogramSample[]> = {
    forgeq_jobs_enqueued_total: counted(rows, "enqueued"),
    forgeq_jobs_retried_total: counted(rows, "retried"),
    forgeq_jobs_finished_total: counted(rows, "finished_", "outcome"),
    forgeq_attempts_started_total: counted(rows, "started"),
    forgeq_attempts_ended_total: counted(rows, "ended_", "outcome"),
    forgeq_job_wait_duration_seconds: histogram(rows, "wait"),
    forgeq_job_run_duration_seconds: histogram(rows, "run"),
    forgeq_queue_jobs: queues.flatMap((queue) =>
      STATES.map((state) => ({ labels: { queue: queue.name, state }, value: queue[state] })),
    ),
    forgeq_queue_oldest_pending_age_seconds: ofQueues(queues, (queue) => queue.oldestPendingSeconds ?? 0),
    forgeq_queue_paused: ofQueues(queues, (queue) => (queue.paused ? 1 : 0)),
    forgeq_queue_max_in_flight: ofQueues(queues, (queue) => queue.maxInFlight),
    forgeq_queue_max_pending: ofQueues(queues, (queue) => queue.maxPending),
    forgeq_type_blocked_seconds: blocked.map(({ type, seconds }) => ({ labels: { type }, value: seconds })),
    forgeq_type_unserved_seconds: unserved.map(({ queue, type, seconds }) => ({
      labels: { queue, type },
      value: seconds,
    })),
    forgeq_queues_left_out: [{ labels: {}, value: leftOut }],
    forgeq_tick_timestamp_seconds: [{ labels: {}, value: tick.seconds }],
    forgeq_tick_part_timestamp_seconds: Object.entries(tick.parts).map(([part, value]) => ({
      labels: { part },
      value,
    })),
    forgeq_requests_refused_total: Object.entries(refusals()).map(([code, value]) => ({ labels: { code }, value })),
    forgeq_info: [{ labels: { service: config.service, stage: config.stage, wake: config.wakeMode }, value: 1 }],
    forgeq_scrape_duration_seconds: [{ labels: {}, value: scrapeSeconds }],
  };
  return Object.entries(PROMETHEUS_METRICS)
    .map(([name, { type, help }]) => {
      const of = samples[name as PrometheusMetric];
      if (type !== "histogram") return renderSamples({ name, help }, type, of as readonly Sample[]);
      const bounds = BUCKET_SECONDS[name === "forgeq_job_wait_duration_seconds" ? "wait" : "run"];
      return renderHistogram({ name, help }, bounds, of as readonly HistogramSample[]);
    })
    .join("");
};

interface Page {
  readonly atMs: number;
  readonly text: Promise<string>;
}

/**
 * What Prometheus scrapes, from Postgres: right however many processes come and go. Read by seven statements and kept for 10 s, in
 * which every scraper that asks for the same queues gets the same page. Nothing is read without a scrape. Without names the page has the queues with
 * most live jobs.
 */
export const createMetricsPage = (): ((deps: Deps, names?: readonly string[]) => Promise<string>) => {
  const pages = new Map<string, Page>();

  const read = async (deps: Deps, asked: readonly string[] | undefined): Promise<string> => {
    const startedAtMs = deps.time.elapsedMs();
    const busiest = await busiestQueues(deps.db, MAX_OBSERVED_QUEUES);
    const names = asked ?? busiest.names;
    const [rows, queues, blocked, unserved, tick] = await Promise.all([
      readCounters(deps.db, names),
      readQueueStats(deps.db, names, deps.clock()),
      blockedTypes(deps.db, deps.clock()),
      unservedTypes(deps.db, deps.clock()),
      lastTick(deps.db),
    ]);
    const leftOut = busiest.names.length + busiest.leftOut - queues.length;
    return render(
      deps,
      rows,
      queues,
      { blocked, unserved },
      leftOut,
      tick,
      (deps.time.elapsedMs() - startedAtMs) / 1000,
    );
  };

  return (deps, names) => {
    const atMs = deps.time.elapsedMs();
    for (const [key, page] of pages) if (atMs - page.atMs >= CACHED_MS) pages.delete(key);
    const key = names === undefined ? "" : [...names].sort().join();
    const kept = pages.get(key);
    if (kept !== undefined) return kept.text;
    const page = { atMs, text: read(deps, names) };
    // A failure is not kept.
    page.text.catch(() => pages.get(key) === page && pages.delete(key));
    pages.set(key, page);
    return page.text;
  };
};
