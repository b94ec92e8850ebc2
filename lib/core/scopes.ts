/** What a key may do. `payloads:read` shows what jobs carry: payload, result, metadata, and the texts of errors and progress. */
export const SCOPES = [
  "jobs:write",
  "jobs:read",
  "jobs:manage",
  "jobs:work",
  "payloads:read",
  "metrics:read",
  "admin",
] as const;

export type Scope = (typeof SCOPES)[number];
