import { deleteMany } from "../../db/protocol/many-jobs.ts";
import type { Deps } from "../deps.ts";

/** Forgets a finished job, all its lives and attempts. `"gone"` also of a job that was never there, or was deleted before. */
export const deleteJob = async (deps: Deps, id: string): Promise<"gone" | "live"> => {
  const [row] = await deleteMany(deps.db, [{ id, life: null }], null, deps.clock());
  return row?.outcome === "live" ? "live" : "gone";
};
