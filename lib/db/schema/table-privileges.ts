import type { Role } from "./role-names.ts";

/** Which columns: all, or these. */
export type Columns = "all" | readonly string[];

/** What roles may do with a table or a view; a role that is not named may do nothing. */
interface TablePrivileges {
  readonly select?: Partial<Record<Role, Columns>>;
  readonly insert?: Partial<Record<Role, Columns>>;
  readonly update?: Partial<Record<Role, Columns>>;
  readonly delete?: Partial<Record<Role, "all">>;
}

const READ: TablePrivileges = { select: { manage: "all", read: "all" } };
const KEPT: TablePrivileges = { select: { worker: "all", manage: "all", read: "all" } };

const LIMITS = ["max_in_flight", "max_pending", "retention_days", "listed_types", "owner", "overridden"] as const;
const PAUSE = ["paused", "paused_at", "pause_reason", "paused_until"] as const;

/** Who may do what with a table or a view of the schema; partitions are their parent's. Every table is here, those of the owner's functions alone with {}. */
export const TABLES: Readonly<Record<string, TablePrivileges>> = {
  // Hashes are read and written by functions alone.
  api_key: {},
  counted_lease: {},
  idempotency: {},
  job_mark: {},
  lease_mark: {},
  mutex: {},
  metric_deltas: READ,
  metric_delta_2: READ,
  metric_delta_3: READ,
  metric_delta_4: READ,
  metric_delta_5: READ,
  metric_delta_6: READ,
  metric_delta_7: READ,
  outcome_retention: {},
  purge_mark: {},
  queue_look: {},
  worker_turn: {},
  tick_part: KEPT,
  waiting_delta: {},
  waiting_mark: {},
  job: READ,
  job_attempt: READ,
  // Handlers may count what has finished: countHistoryPage.
  job_history: {
    select: { worker: ["id", "life", "finished_at", "type", "state"], manage: "all", read: "all" },
  },
  job_type: KEPT,
  jobs: READ,
  lease: KEPT,
  lease_closed: READ,
  metric_delta_0: READ,
  metric_delta_1: READ,
  metric_fresh: READ,
  metric_now: READ,
  metric_period: READ,
  metric_sample: READ,
  metric_series: READ,
  metric_state: KEPT,
  metric_total: READ,
  migration: { select: { enqueue: "all", worker: "all", manage: "all", read: "all" } },
  queue: {
    ...KEPT,
    insert: { manage: ["name", ...LIMITS] },
    update: { manage: [...PAUSE, ...LIMITS] },
  },
  role_privilege: {},
  schedule: { ...KEPT, insert: { manage: "all" }, update: { manage: "all" }, delete: { manage: "all" } },
  type_block: KEPT,
  unique_key: READ,
  wake: READ,
  worker_capacity: {},
};
