import { connectionFault } from "../../db/drivers/connection-fault.ts";
import { isMigrated } from "../../db/schema/schema.ts";
import { sqlState } from "../../db/drivers/failure.ts";
import type { Deps } from "../deps.ts";
import { reasonOf } from "../../core/reason.ts";

/** Does the database answer, and is its schema this code's? `detail` says what is wrong, without addresses or secrets. */
export const health = async (deps: Deps): Promise<{ readonly ok: boolean; readonly detail?: string }> => {
  try {
    return (await isMigrated(deps.db))
      ? { ok: true }
      : { ok: false, detail: "the database is not migrated: run forgeq migrate" };
  } catch (error) {
    deps.logger.error("health: the database does not answer", {
      reason: reasonOf(error),
    });
    return {
      ok: false,
      detail:
        sqlState(error) === "42501"
          ? "this role may not use the schema: see docs/how-to/harden.md"
          : (connectionFault(error)?.message ?? "the database can't be reached"),
    };
  }
};
