import type { HttpLog } from "./problem.ts";

/** What a function logs and counts with before its dependencies are there. */
export interface Observers {
  readonly logger: HttpLog;
  readonly metrics?: { count(name: "RequestsRefused", value: number): void; flush(): void };
}
