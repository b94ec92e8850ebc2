/** The columns of the tables that commands print, and what a narrow terminal does without. */
import type { Column } from "./table.ts";

export const COLUMNS = {
  /** `forgeq jobs list` */
  jobs: [
    // So much of an id is its own: its millisecond, and random bits.
    { name: "ID", least: 18, cut: "" },
    { name: "TYPE", least: 12 },
    { name: "QUEUE", least: 8, leave: 1 },
    { name: "STATE" },
    { name: "ATTEMPT", leave: 2 },
    { name: "RUN AT", leave: 3 },
    { name: "ERROR", least: 12 },
  ],
  /** `forgeq jobs bulk --dry-run` */
  bulk: [
    { name: "JOBS", right: true },
    { name: "TYPE", least: 8 },
    { name: "QUEUE", least: 8, leave: 1 },
    { name: "ERROR", least: 20 },
  ],
  /** `forgeq queues list` and `forgeq stats` */
  queues: [
    { name: "QUEUE", least: 8 },
    { name: "PENDING", right: true },
    { name: "SCHEDULED", right: true, leave: 4 },
    { name: "IN FLIGHT", right: true },
    { name: "LIMIT", right: true, leave: 3 },
    { name: "MAX PENDING", right: true, leave: 2 },
    { name: "OLDEST", right: true },
    { name: "KEPT", right: true, leave: 1 },
    { name: "", least: 6 },
  ],
  /** `forgeq schedules list` */
  schedules: [
    { name: "SCHEDULE", least: 12 },
    { name: "RULE", least: 9 },
    { name: "ZONE", least: 8, leave: 2 },
    { name: "TYPE", least: 8, leave: 3 },
    { name: "LAST SLOT", leave: 1 },
    { name: "NEXT SLOT" },
    { name: "" },
  ],
  /** `forgeq errors` */
  errors: [
    { name: "ATTEMPTS", right: true },
    { name: "JOBS", right: true, leave: 3 },
    { name: "DEAD", right: true, leave: 4 },
    { name: "LAST", leave: 1 },
    { name: "TYPES", least: 8, leave: 2 },
    { name: "FINGERPRINT" },
    { name: "ERROR", least: 20 },
  ],
  /** `forgeq keys list` */
  keys: [
    { name: "KEY" },
    { name: "LABEL", least: 8 },
    { name: "" },
    { name: "SCOPES", least: 12 },
    { name: "TYPES", least: 8, leave: 2 },
    { name: "QUEUES", least: 8, leave: 1 },
    { name: "EXPIRES", leave: 4 },
    { name: "LAST USED", leave: 3 },
  ],
  /** `forgeq stats --window` */
  periods: [
    { name: "" },
    { name: "ENQUEUED", right: true },
    { name: "COMPLETED", right: true },
    { name: "FAILED", right: true },
    { name: "DEAD", right: true },
    { name: "CANCELLED", right: true, leave: 1 },
    { name: "WAIT P50", right: true, leave: 4 },
    { name: "P95", right: true, leave: 3 },
    { name: "RUN P50", right: true, leave: 5 },
    { name: "P95", right: true, leave: 2 },
  ],
} satisfies Readonly<Record<string, readonly Column[]>>;
