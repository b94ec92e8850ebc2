import type { Db } from "../db/drivers/client.ts";

/** What one check found. `warning` is worth knowing; only `problem` is a failure. */
export interface Finding {
  readonly check: string;
  readonly level: "ok" | "warning" | "problem";
  readonly found: string;
  readonly cure?: string;
}

/** A check of `forgeq doctor`. */
export type Check = (db: Db) => Promise<Omit<Finding, "check">>;

/** What a check finds that is well. */
export const fine = (found: string) => ({ level: "ok", found }) as const;

/** What waits for so long waits because nobody attends to it. */
export const STALE_SECONDS = 120;
