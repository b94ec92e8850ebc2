import { ROLES, type Role } from "./role-names.ts";
import { type Columns, TABLES } from "./table-privileges.ts";

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
  alone_in_transaction: NOBODY,
  as_owner: NOBODY,
  attempts_of: READERS,
  backoff_seconds: NOBODY,
  begin: WORKERS,
  begin_idempotent: ["enqueue", "manage"],
  block_type: NOBODY,
  bounded_seconds: OBSERVERS,
  busiest_queues: OBSERVERS,
  cancel: OPERATORS,
  cancel_many: OPERATORS,
  cancel_waiting: NOBODY,
  cancelled_error: NOBODY,
  check_clock: KEEPERS,
  check_ids: NOBODY,
  check_instants: NOBODY,
  check_lines: NOBODY,
  check_reason: NOBODY,
  check_room: NOBODY,
  check_same_job: NOBODY,
  check_values: NOBODY,
  choose_worker: NOBODY,
  claim: WORKERS,
  complete_jobs: NOBODY,
  // An enqueue that finds its id taken asks it, too.
  completed_lately: ROLES,
  count_failed: READERS,
  count_in_flight: NOBODY,
  count_waiting: NOBODY,
  // A key that it stores is let in only with FORGEQ_SECRET, which the database does not have.
  create_api_key: OPERATORS,
  delete_many: OPERATORS,
  delete_queue: OPERATORS,
  dispatchable_queues: WORKERS,
  dispatched_since: NOBODY,
  dispatcher_mark: WORKERS,
  due_queues: NOBODY,
  earliest_expiry: NOBODY,
  earliest_expiry_of: NOBODY,
  elapsed_ms: NOBODY,
  end_attempts: NOBODY,
  end_idempotent: ["enqueue", "manage"],
  end_pauses: KEEPERS,
  end_uncompleted: NOBODY,
  enqueue: PRODUCERS,
  // It takes jobs of others, too.
  enqueue_and_claim: WORKERS,
  enqueue_in_groups: PRODUCERS,
  enqueue_lines: PRODUCERS,
  enqueue_many: PRODUCERS,
  enqueue_or_refuse: PRODUCERS,
  ensure_partitions: KEEPERS,
  error_digest: READERS,
  error_essence: READERS,
  error_fingerprint: READERS,
  error_groups: READERS,
  existing_completed: NOBODY,
  extend: WORKERS,
  filter_condition: NOBODY,
  filter_queues: NOBODY,
  filter_states: NOBODY,
  // Whoever serves HTTP.
  find_api_key: ["enqueue", "manage", "read"],
  find_finished: NOBODY,
  find_live: NOBODY,
  find_queues: WORKERS,
  finish_jobs: NOBODY,
  finished_ids: NOBODY,
  finished_since: READERS,
  fire_schedules: KEEPERS,
  fire_together: NOBODY,
  first_job: NOBODY,
  free_unique_keys: NOBODY,
  has_capacity: NOBODY,
  has_controls: NOBODY,
  has_due: NOBODY,
  has_error: NOBODY,
  has_many_queues: NOBODY,
  hint_workers: NOBODY,
  history_bounds: OBSERVERS,
  history_row: READERS,
  id_of: ROLES,
  id_time: NOBODY,
  in_flight: NOBODY,
  invocation_failed: WORKERS,
  is_freeing: NOBODY,
  is_served: NOBODY,
  items_of_lines: NOBODY,
  job_details: NOBODY,
  job_heads: NOBODY,
  job_pages: NOBODY,
  json_or_null: WORKERS,
  keep_periods: NOBODY,
  leased_job: WORKERS,
  least_id: NOBODY,
  limit_changed: NOBODY,
  list_api_keys: OPERATORS,
  list_finished: READERS,
  list_leases: READERS,
  list_live: READERS,
  list_row: READERS,
  list_workers: READERS,
  listen_to: WORKERS,
  live_condition: NOBODY,
  live_row: READERS,
  live_types: READERS,
  lives_of: READERS,
  lookup_window: NOBODY,
  lock_mutex: NOBODY,
  make_lease: NOBODY,
  make_leases: NOBODY,
  mark_jobs: NOBODY,
  may_have_jobs: NOBODY,
  may_notify: NOBODY,
  metric_add: NOBODY,
  metric_add_each: NOBODY,
  metric_append: NOBODY,
  metric_end: NOBODY,
  // The view metric_now calls it as whoever reads the view.
  metric_ends: READERS,
  metric_fold: KEEPERS,
  metric_kept: READERS,
  metric_lock_sides: NOBODY,
  metric_open: NOBODY,
  metric_position: READERS,
  metric_snapshot: NOBODY,
  metric_spread: READERS,
  move_repair: KEEPERS,
  names_twice: NOBODY,
  new_jobs: NOBODY,
  newest_life: READERS,
  newest_lives: NOBODY,
  next_due: KEEPERS,
  // A reader sees when something falls due, too.
  next_event: OBSERVERS,
  offer_capacity: WORKERS,
  open_leases: WORKERS,
  partition_bounds: NOBODY,
  partitions_of: NOBODY,
  payload_text: NOBODY,
  pick: NOBODY,
  pick_oldest: NOBODY,
  pick_probe: NOBODY,
  pointer_path: NOBODY,
  probe_listener: WORKERS,
  purge: KEEPERS,
  purge_closed_leases: NOBODY,
  purge_groups: NOBODY,
  purge_idempotency: NOBODY,
  purge_queues: NOBODY,
  queue_jobs: NOBODY,
  queue_stats: OBSERVERS,
  record_tick_parts: KEEPERS,
  recount_waiting: NOBODY,
  recover: KEEPERS,
  refuse_queue: NOBODY,
  release: WORKERS,
  repair: KEEPERS,
  reschedule_many: OPERATORS,
  retry: OPERATORS,
  retry_many: OPERATORS,
  revive_jobs: NOBODY,
  revoke_api_key: OPERATORS,
  same_jobs: NOBODY,
  sample_queues: NOBODY,
  search_index: NOBODY,
  search_index_name: READERS,
  send_push: NOBODY,
  series_of: NOBODY,
  set_purged_to: NOBODY,
  set_series_of_queue: NOBODY,
  set_series_of_type: NOBODY,
  settle: WORKERS,
  settle_and_take: WORKERS,
  start_waiting: NOBODY,
  store_by_id: NOBODY,
  stored_job: PRODUCERS,
  take_turn: WORKERS,
  take_unique_keys: NOBODY,
  tidy: KEEPERS,
  trigger_schedule: OPERATORS,
  unserved_types: OBSERVERS,
  uuid_v7: NOBODY,
  waiting_jobs: NOBODY,
  wake_wanted: ["enqueue", ...KEEPERS],
  wants_wake: NOBODY,
  whole_lease: NOBODY,
  without_spaces: NOBODY,
  worker_lock: WORKERS,
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
