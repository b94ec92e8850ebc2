/** What a role may do is its part of the work; see docs/how-to/harden.md. */
export const ROLES = ["enqueue", "worker", "manage", "read"] as const;
export type Role = (typeof ROLES)[number];

/** Which columns: all, or these. */
type Columns = "all" | readonly string[];

/** What roles may do with a table or a view; a role that is not named may do nothing. */
interface TablePrivileges {
  readonly select?: Partial<Record<Role, Columns>>;
  readonly insert?: Partial<Record<Role, Columns>>;
  readonly update?: Partial<Record<Role, Columns>>;
  readonly delete?: Partial<Record<Role, "all">>;
}

const NOBODY: readonly Role[] = [];
const PRODUCERS: readonly Role[] = ["enqueue", "worker"];
const WORKERS: readonly Role[] = ["worker"];
const OPERATORS: readonly Role[] = ["manage"];
const READERS: readonly Role[] = ["manage", "read"];
/** The numbers of queues, without a payload: the tick measures them, too. */
const OBSERVERS: readonly Role[] = ["worker", ...READERS];
/** What the tick calls; a server makes one, too. It moves only what the database's clock says is due. */
const KEEPERS: readonly Role[] = ["worker", "manage"];

/**
 * Who may execute a function of the schema, all overloads of it. Every function is here, those that only other functions call with nobody: they run as the
 * owner inside one that is `security definer`.
 */
export const FUNCTIONS: Readonly<Record<string, readonly Role[]>> = {
  as_owner: NOBODY,
  backoff_seconds: NOBODY,
  begin: WORKERS,
  bounded_seconds: OBSERVERS,
  busiest_queues: OBSERVERS,
  cancel: OPERATORS,
  check_instants: NOBODY,
  check_same_job: NOBODY,
  choose_worker: NOBODY,
  claim: WORKERS,
  complete_jobs: NOBODY,
  delete_queue: OPERATORS,
  dispatcher_mark: WORKERS,
  elapsed_ms: NOBODY,
  end_attempts: NOBODY,
  end_uncompleted: NOBODY,
  enqueue: PRODUCERS,
  // It takes jobs of others, too.
  enqueue_and_claim: WORKERS,
  enqueue_in_groups: PRODUCERS,
  enqueue_lines: PRODUCERS,
  enqueue_many: PRODUCERS,
  ensure_partitions: KEEPERS,
  extend: WORKERS,
  finish_jobs: NOBODY,
  fire_schedules: KEEPERS,
  free_unique_keys: NOBODY,
  has_capacity: NOBODY,
  hint_workers: NOBODY,
  invocation_failed: WORKERS,
  job_details: NOBODY,
  listen_to: WORKERS,
  make_lease: NOBODY,
  make_leases: NOBODY,
  may_notify: NOBODY,
  metric_add: NOBODY,
  metric_add_each: NOBODY,
  metric_end: NOBODY,
  // The view metric_now calls it as whoever reads the view.
  metric_ends: READERS,
  metric_fold: KEEPERS,
  names_twice: NOBODY,
  next_due: KEEPERS,
  next_event: KEEPERS,
  offer_capacity: WORKERS,
  pick: NOBODY,
  probe_listener: WORKERS,
  purge: KEEPERS,
  queue_stats: OBSERVERS,
  recover: KEEPERS,
  release: WORKERS,
  repair: KEEPERS,
  retry: OPERATORS,
  send_push: NOBODY,
  series_of: NOBODY,
  set_series_of_queue: NOBODY,
  set_series_of_type: NOBODY,
  settle: WORKERS,
  settle_and_take: WORKERS,
  take_unique_keys: NOBODY,
  trigger_schedule: OPERATORS,
  uuid_v7: NOBODY,
  wake_wanted: ["enqueue", ...KEEPERS],
  whole_lease: NOBODY,
  worker_lock: WORKERS,
};

const READ: TablePrivileges = { select: { manage: "all", read: "all" } };
const KEPT: TablePrivileges = { select: { worker: "all", manage: "all", read: "all" } };

const LIMITS = ["max_in_flight", "max_pending", "retention_days", "listed_types", "overridden"] as const;

/** Who may do what with a table or a view of the schema; partitions are their parent's. Every table is here, those of the owner's functions alone with {}. */
export const TABLES: Readonly<Record<string, TablePrivileges>> = {
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
  metric_now: READ,
  metric_sample: READ,
  metric_series: READ,
  metric_state: KEPT,
  metric_total: READ,
  migration: { select: { enqueue: "all", worker: "all", manage: "all", read: "all" } },
  queue: {
    ...KEPT,
    insert: { manage: ["name", ...LIMITS] },
    update: { manage: ["paused", ...LIMITS] },
  },
  role_privilege: {},
  schedule: { ...KEPT, insert: { manage: "all" }, update: { manage: "all" }, delete: { manage: "all" } },
  unique_key: READ,
  wake: READ,
  worker_capacity: {},
};

/** One thing that a role may do, `object` being a function, a table, or `table.column`. */
export interface Privilege {
  readonly role: Role;
  readonly verb: "usage" | "execute" | "select" | "insert" | "update" | "delete";
  readonly object: string;
}

const columnsOf = (table: string, columns: Columns): readonly string[] =>
  columns === "all" ? [table] : columns.map((column) => `${table}.${column}`);

/** Everything that the tables above say. */
export const PRIVILEGES: readonly Privilege[] = [
  ...ROLES.map((role): Privilege => ({ role, verb: "usage", object: "forgeq" })),
  ...Object.entries(FUNCTIONS).flatMap(([object, roles]) =>
    roles.map((role): Privilege => ({ role, verb: "execute", object })),
  ),
  ...Object.entries(TABLES).flatMap(([table, verbs]) =>
    (["select", "insert", "update", "delete"] as const).flatMap((verb) =>
      ROLES.flatMap((role) => {
        const columns = verbs[verb]?.[role];
        return columns === undefined
          ? []
          : columnsOf(table, columns).map((object): Privilege => ({ role, verb, object }));
      }),
    ),
  ),
];
