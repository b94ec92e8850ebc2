interface PrometheusFamily {
  readonly type: "counter" | "gauge" | "histogram";
  readonly labels: readonly string[];
  readonly help: string;
}

/** Every metric that `GET /metrics` shows, in its order. docs/observability.md has the same table: a test compares. */
export const PROMETHEUS_METRICS = {
  forgeq_jobs_enqueued_total: { type: "counter", labels: ["queue", "type"], help: "Jobs stored." },
  forgeq_jobs_retried_total: {
    type: "counter",
    labels: ["queue", "type"],
    help: "Finished jobs that were given another life by hand.",
  },
  forgeq_jobs_finished_total: {
    type: "counter",
    labels: ["queue", "type", "outcome"],
    help: "Jobs that ended: completed, dead or cancelled.",
  },
  forgeq_attempts_started_total: {
    type: "counter",
    labels: ["queue", "type"],
    help: "Attempts that a handler began.",
  },
  forgeq_attempts_ended_total: {
    type: "counter",
    labels: ["queue", "type", "outcome"],
    help: "Attempts that ended, by how: lease_expired is a crash that was recovered, worker_crashed an error that nothing caught, undispatched and throttled never began.",
  },
  forgeq_job_wait_duration_seconds: {
    type: "histogram",
    labels: ["queue", "type"],
    help: "From due to begun, of attempts that ended.",
  },
  forgeq_job_run_duration_seconds: {
    type: "histogram",
    labels: ["queue", "type"],
    help: "From begun to ended, of attempts that ended; jobs of one lease begin together.",
  },
  forgeq_queue_jobs: { type: "gauge", labels: ["queue", "state"], help: "Jobs of a queue by state." },
  forgeq_queue_oldest_pending_age_seconds: {
    type: "gauge",
    labels: ["queue"],
    help: "For how long the oldest pending job has been due; 0 when none waits.",
  },
  forgeq_queue_paused: { type: "gauge", labels: ["queue"], help: "1 while the queue is paused." },
  forgeq_queue_max_in_flight: {
    type: "gauge",
    labels: ["queue"],
    help: "Jobs that may be leased or running; absent without a limit.",
  },
  forgeq_queue_max_pending: { type: "gauge", labels: ["queue"], help: "Jobs that may wait; absent without a limit." },
  forgeq_type_blocked_seconds: {
    type: "gauge",
    labels: ["type"],
    help: "For how long no handler of a type has begun, so that its jobs wait; absent for types that run.",
  },
  forgeq_type_unserved_seconds: {
    type: "gauge",
    labels: ["queue", "type"],
    help: "For how long a job of a type has been due that nobody takes: no lease of it was made for ten minutes; absent for types that run.",
  },
  forgeq_queues_left_out: {
    type: "gauge",
    labels: [],
    help: "Queues that this page leaves out, because it has those with most live jobs only, or those that were asked for.",
  },
  forgeq_tick_timestamp_seconds: {
    type: "gauge",
    labels: [],
    help: "When the last tick ran, by the database's clock.",
  },
  forgeq_tick_part_timestamp_seconds: {
    type: "gauge",
    labels: ["part"],
    help: "When a part of a tick last went without a failure, by the database's clock.",
  },
  forgeq_requests_refused_total: {
    type: "counter",
    labels: ["code"],
    help: "Requests that this process refused since it started: unauthorized, forbidden or rate_limited.",
  },
  forgeq_info: { type: "gauge", labels: ["service", "stage", "wake"], help: "1, with what this installation is." },
  forgeq_scrape_duration_seconds: {
    type: "gauge",
    labels: [],
    help: "How long the numbers of this page took to read.",
  },
} as const satisfies Record<string, PrometheusFamily>;

export type PrometheusMetric = keyof typeof PROMETHEUS_METRICS;

/** What `forgeq worker --metrics-port` shows of its own process, in addition to prom-client's `process_` and `nodejs_`. */
export const WORKER_METRICS = {
  forgeq_worker_jobs_enqueued_total: {
    type: "counter",
    labels: ["queue", "type"],
    help: "Jobs that handlers in this process enqueued.",
  },
  forgeq_worker_attempts_started_total: {
    type: "counter",
    labels: ["queue", "type"],
    help: "Attempts that this process began.",
  },
  forgeq_worker_attempts_ended_total: {
    type: "counter",
    labels: ["queue", "type", "outcome"],
    help: "Attempts of this process, by what became of the job: completed, retried, released, dead or cancelled.",
  },
  forgeq_worker_job_run_duration_seconds: {
    type: "histogram",
    labels: ["queue", "type"],
    help: "How long handlers in this process worked on a job.",
  },
  forgeq_worker_leases_recovered_total: {
    type: "counter",
    labels: [],
    help: "Expired leases, of any process, that this one took back.",
  },
  forgeq_worker_listening: {
    type: "gauge",
    labels: [],
    help: "1 while this process hears of jobs that others enqueue; 0: it finds them by polling.",
  },
  forgeq_worker_pushes_total: {
    type: "counter",
    labels: ["outcome"],
    help: "Leases that producers began for this process: received, or found by a poll as their notification was lost. Ignored: forged or sent again.",
  },
  forgeq_worker_probes_lost_total: {
    type: "counter",
    labels: [],
    help: "Probes of this process's listening connection that did not arrive: it was opened again.",
  },
  forgeq_worker_jobs: { type: "gauge", labels: [], help: "Jobs in this process, waiting or running." },
  forgeq_worker_concurrency: { type: "gauge", labels: [], help: "Jobs that this process runs concurrently, at most." },
} as const satisfies Record<string, PrometheusFamily>;

export type WorkerMetric = keyof typeof WORKER_METRICS;

/**
 * Every metric that functions write for CloudWatch, namespace ForgeQ. All have the dimension service, which is SERVICE-STAGE;
 * those of a queue have queue, too. docs/observability.md has the same table, with what to do: a test compares.
 */
export const CLOUDWATCH_METRICS = {
  JobsEnqueued: { unit: "Count", of: "queue" },
  JobsStarted: { unit: "Count", of: "queue" },
  JobsCompleted: { unit: "Count", of: "queue" },
  JobsRetried: { unit: "Count", of: "queue" },
  JobsReleased: { unit: "Count", of: "queue" },
  JobsDead: { unit: "Count", of: "queue" },
  JobsCancelled: { unit: "Count", of: "queue" },
  JobsLeased: { unit: "Count", of: "queue" },
  LeaseJobs: { unit: "Count", of: "queue" },
  JobWait: { unit: "Milliseconds", of: "queue" },
  JobRun: { unit: "Milliseconds", of: "queue" },
  InvokesRefused: { unit: "Count", of: "queue" },
  InvokesAmbiguous: { unit: "Count", of: "service" },
  OldestPendingAge: { unit: "Seconds", of: "queue" },
  ScheduledJobs: { unit: "Count", of: "queue" },
  PendingJobs: { unit: "Count", of: "queue" },
  RunningJobs: { unit: "Count", of: "queue" },
  DeadJobs: { unit: "Count", of: "queue" },
  TypeBlockedAge: { unit: "Seconds", of: "service" },
  TypesUnserved: { unit: "Count", of: "service" },
  LeasesLost: { unit: "Count", of: "service" },
  LeasesRecovered: { unit: "Count", of: "service" },
  JobsRecovered: { unit: "Count", of: "service" },
  WakesSent: { unit: "Count", of: "service" },
  WakesArmed: { unit: "Count", of: "service" },
  SlotsFired: { unit: "Count", of: "service" },
  Ticks: { unit: "Count", of: "service" },
  TickPartsFailed: { unit: "Count", of: "service" },
  ClockWentBack: { unit: "Count", of: "service" },
  RequestsRefused: { unit: "Count", of: "service" },
  ColdStarts: { unit: "Count", of: "service" },
} as const satisfies Record<
  string,
  { readonly unit: "Count" | "Milliseconds" | "Seconds"; readonly of: "queue" | "service" }
>;

export type CloudWatchMetric = keyof typeof CLOUDWATCH_METRICS;
