import { connectionFault } from "../../db/drivers/connection-fault.ts";
import { isMigrated } from "../../db/schema/schema.ts";
import { sqlState } from "../../db/drivers/failure.ts";
import type { Deps } from "../deps.ts";
import { reasonOf } from "../../core/reason.ts";

/** What is wrong: `detail` for everybody, without addresses or secrets; `reason` for the log, where the database did not answer. */
interface Health {
  readonly ok: boolean;
  readonly detail?: string;
  readonly reason?: string;
}

/** Does the database answer, and is its schema this code's? */
export const health = async (deps: Deps): Promise<Health> => {
  try {
    return (await isMigrated(deps.db))
      ? { ok: true }
      : { ok: false, detail: "the database is not migrated: run forgeq migrate" };
  } catch (error) {
    return {
      ok: false,
      reason: reasonOf(error),
      detail:
        sqlState(error) === "42501"
          ? "this role may not use the schema: see docs/how-to/harden.md"
          : (connectionFault(error)?.message ?? "the database can't be reached"),
    };
  }
};
