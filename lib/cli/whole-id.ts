import { idTime } from "../core/uuid.ts";
import { ForgeqError } from "../core/errors.ts";
import { type Deps } from "../queue/deps.ts";
import { listJobs } from "../queue/manage/read-jobs.ts";

const LENGTH = "00000000-0000-7000-8000-000000000000".length;
const LOWEST = "00000000-0000-0000-0000-000000000000";
const HIGHEST = "ffffffff-ffff-ffff-ffff-ffffffffffff";
const PAGE = 100;

/** The ids that begin so, two at most: they were made within the time that the beginning names. */
const idsWith = async (deps: Deps, beginning: string): Promise<string[]> => {
  const earliest = idTime(beginning + LOWEST.slice(beginning.length));
  const latest = idTime(beginning + HIGHEST.slice(beginning.length));
  const filter = { createdAfter: earliest, createdBefore: new Date(latest.getTime() + 1), limit: PAGE };
  const include = { payload: false, result: false, attempts: false };
  const found: string[] = [];
  for (let after: string | null = null; ;) {
    const page = await listJobs(deps, { ...filter, include, after });
    found.push(...page.jobs.map(({ id }) => id).filter((id) => id.startsWith(beginning)));
    if (found.length > 1 || page.next === null) return found.slice(0, 2);
    after = page.next;
  }
};

/**
 * The id that somebody has shortened.
 *
 * @param given - an id, or its first eight characters or more
 * @throws {ForgeqError} `not_found` where no job or several jobs have an id that begins so
 */
export const wholeId = async (deps: Deps, given: string): Promise<string> => {
  if (given.length === LENGTH) return given;
  const [id, another] = await idsWith(deps, given);
  if (id === undefined) throw new ForgeqError("not_found", `there is no job whose id begins with ${given}`);
  if (another !== undefined)
    throw new ForgeqError(
      "not_found",
      `several jobs have an id that begins with ${given}, among them ${another} and ${id}`,
    );
  return id;
};
