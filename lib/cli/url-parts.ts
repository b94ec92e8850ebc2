import type { Role } from "../db/schema/role-names.ts";

/** The parts that have a URL, and the group roles that are enough for each. */
export const NEEDS = {
  enqueue: ["enqueue"],
  // A clone of a job is a new one.
  api: ["enqueue", "manage"],
  server: ["enqueue", "manage"],
  worker: ["worker"],
  read: ["read"],
} as const satisfies Record<string, readonly Role[]>;

export type UrlPart = keyof typeof NEEDS;
export const URL_PARTS = Object.keys(NEEDS) as readonly UrlPart[];
