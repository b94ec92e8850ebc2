/** What a role may do is its part of the work; see docs/how-to/harden.md. */
export const ROLES = ["enqueue", "worker", "manage", "read"] as const;
export type Role = (typeof ROLES)[number];
