/** What fails, and who works: reads of what is there now. */
import * as errors from "../../db/reads/errors.ts";
import * as leases from "../../db/reads/leases.ts";
import type { Part } from "../../db/reads/part.ts";
import * as types from "../../db/reads/job-types.ts";
import type { Deps } from "../deps.ts";
import { WINDOWS, type Window } from "./period-stats.ts";

export type { ErrorGroup, ErrorGroups } from "../../db/reads/errors.ts";
export type { OpenLease, WorkerRow } from "../../db/reads/leases.ts";
export type { StoredType } from "../../db/reads/job-types.ts";
export type { Part } from "../../db/reads/part.ts";

/** The errors of the newest failed attempts of a part, in groups, most attempts first. */
export const errorGroups = (deps: Deps, window: Window, part: Part, limit: number): Promise<errors.ErrorGroups> =>
  errors.readErrorGroups(deps.db, WINDOWS[window].seconds, limit, part, deps.clock());

/** Open leases of a part, oldest first. */
export const listLeases = (
  deps: Deps,
  part: Part,
  page: { readonly limit: number; readonly after: string | null },
): ReturnType<typeof leases.readLeases> => leases.readLeases(deps.db, part, page, deps.clock());

/** Workers of one answer at most. */
const MAX_WORKERS = 200;

/** Workers that listen, and whatever else holds leases that have begun; those with most jobs first. */
export const listWorkers = async (
  deps: Deps,
  part: Part,
): Promise<{ readonly workers: readonly leases.WorkerRow[]; readonly capped: boolean }> => {
  const found = await leases.readWorkers(deps.db, part, MAX_WORKERS + 1, deps.clock());
  return { workers: found.slice(0, MAX_WORKERS), capped: found.length > MAX_WORKERS };
};

/** Job types by name: a page after a name. */
export const listTypes = async (
  deps: Deps,
  only: readonly string[] | null,
  page: { readonly limit: number; readonly after: string },
): Promise<{ readonly types: readonly types.StoredType[]; readonly next: string | null }> => {
  const found = await types.readTypes(deps.db, only, { ...page, limit: page.limit + 1 });
  const shown = found.slice(0, page.limit);
  return { types: shown, next: found.length > shown.length ? (shown.at(-1)?.type ?? null) : null };
};

/** One job type, null where the database does not know it. */
export const getType = async (deps: Deps, type: string): Promise<types.StoredType | null> =>
  (await types.readTypes(deps.db, [type], { after: "", limit: 1 }))[0] ?? null;
