import { userInfo } from "node:os";
import type { ErrorCode } from "../core/errors.ts";
import type { Deps } from "../queue/deps.ts";
import {
  applyToJobs,
  bulkInstant,
  type BulkAction,
  type BulkResult,
  groupJobs,
  previewSlices,
  selectSlice,
  type SliceInput,
} from "../queue/manage/bulk-jobs.ts";
import type { Reschedule } from "../queue/manage/reschedule-job.ts";
import type { GlobalOptions } from "./command.ts";
import { withDeps } from "./deps.ts";
import { UsageError } from "./failure.ts";
import { type FilterOptions, toJobFilter } from "./job-filter.ts";
import { startProgress } from "./progress.ts";
import { type RescheduleOptions, toReschedule } from "./reschedule-options.ts";
import { onShutdown } from "./signals.ts";
import { COLUMNS } from "./columns.ts";
import { count, printTable } from "./table.ts";
import { firstLine, isInteractive, print, printable, printJson, say } from "./terminal.ts";

export interface BulkOptions extends FilterOptions, RescheduleOptions {
  readonly all?: boolean;
  readonly dryRun?: boolean;
  /** Jobs of one transaction. */
  readonly slice: number;
  /** Of a cancel. */
  readonly reason?: string;
}

const DONE = {
  retry: "retried",
  cancel: "cancelled or asked to end",
  delete: "deleted",
  reschedule: "rescheduled",
} as const satisfies Record<BulkAction, string>;

/** Why jobs were left as they are. */
const REASONS: Readonly<Partial<Record<ErrorCode, string>>> = {
  illegal_state: "their state changed meanwhile, and no longer allows it",
  stale_life: "somebody else retried them meanwhile",
  not_found: "they are gone",
  unique_key_conflict: "another live job holds their unique key",
  payload_gone: "their payload was not kept",
  unknown_queue: "their queue was deleted",
  busy: "they are changing hands; run the same command again",
};

const SHOWN_IDS = 5;

interface Tally {
  matched: number;
  done: number;
  readonly skipped: Map<ErrorCode, { jobs: number; readonly ids: string[] }>;
}

const addSkipped = ({ skipped }: Tally, all: BulkResult["skipped"]): void => {
  for (const { id, code } of all) {
    const of = skipped.get(code) ?? { jobs: 0, ids: [] };
    of.jobs += 1;
    if (of.ids.length < SHOWN_IDS) of.ids.push(id);
    skipped.set(code, of);
  }
};

const report = (action: BulkAction, tally: Tally, json: boolean): void => {
  const skipped = tally.matched - tally.done;
  const sums = `${count(tally.done)} ${DONE[action]}, ${count(skipped)} skipped, of ${count(tally.matched)} jobs`;
  if (json) say(sums);
  else print(sums);
  for (const [code, { jobs, ids }] of tally.skipped)
    say(
      `${count(jobs)} skipped (${code}): ${REASONS[code] ?? code}: ${ids.join(", ")}${jobs > ids.length ? ", ..." : ""}`,
    );
};

const preview = async (deps: Deps, input: SliceInput, options: GlobalOptions): Promise<void> => {
  const { jobs, next, searchedTo } = await previewSlices(deps, input);
  const by = groupJobs(jobs);
  const searched_to = searchedTo?.toISOString() ?? null;
  if (options.json === true)
    return printJson({
      ...{ action: input.action, before: input.before.toISOString(), dry_run: true, matched: jobs.length },
      ...{ capped: next !== null, by, searched_to },
    });
  const rows = by.map(({ error, ...group }) => [
    count(group.jobs),
    printable(group.type),
    printable(group.queue),
    error === null ? "" : firstLine(`${error.name}: ${error.message}`),
  ]);
  if (rows.length > 0) printTable(COLUMNS.bulk, rows, options);
  const more = next === null ? "" : `, and there may be more: this preview looked at jobs made after ${searched_to}`;
  say(`${count(jobs.length)} jobs would be ${DONE[input.action]}${more}. Nothing was changed.`);
};

const apply = async (
  deps: Deps,
  input: SliceInput,
  more: { readonly to: Reschedule; readonly reason: string | null },
  json: boolean,
): Promise<void> => {
  const tally: Tally = { matched: 0, done: 0, skipped: new Map() };
  const total = isInteractive() ? (await previewSlices(deps, input)).jobs.length : 0;
  const progress = startProgress(input.action, total);
  let stopped = false;
  // The command ends by itself after its slice, so that the handler has nothing to wait for.
  const stop = (): Promise<never> => {
    stopped = true;
    return new Promise(() => undefined);
  };
  onShutdown(stop, "Ended immediately: the slice under way is done as a whole or not at all.");
  const by = userInfo().username;
  let after: string | null = null;
  try {
    do {
      const slice: Awaited<ReturnType<typeof selectSlice>> = await selectSlice(deps, { ...input, after });
      const { done, skipped } = await applyToJobs(deps, input.action, slice.jobs, {
        before: input.before,
        ...more,
        by,
      });
      tally.matched += slice.jobs.length;
      tally.done += done;
      addSkipped(tally, skipped);
      progress.add(slice.jobs.length);
      if (json && slice.jobs.length > 0)
        printJson({
          action: input.action,
          before: input.before.toISOString(),
          matched: slice.jobs.length,
          done,
          skipped,
        });
      after = slice.next;
    } while (after !== null && !stopped);
  } finally {
    progress.end();
    report(input.action, tally, json);
  }
  if (after !== null) say("Stopped between two slices. Run the same command again to go on.");
  if (after !== null || tally.skipped.size > 0) process.exitCode = 1;
};

/**
 * `forgeq jobs bulk`: does one thing to all jobs that a filter means and that were there when it began, a slice a transaction. The first Ctrl-C
 * stops it after its slice. With --json a document a slice.
 */
export const runJobsBulk = async (action: BulkAction, options: BulkOptions & GlobalOptions): Promise<void> => {
  const filter = toJobFilter(options);
  if (Object.keys(filter).length === 0 && options.all !== true)
    throw new UsageError("without a filter every job is meant: say so by --all");
  const more = { to: action === "reschedule" ? toReschedule(options) : {}, reason: options.reason ?? null };
  const json = options.json === true;
  return withDeps(options, { migrate: "schema", part: "api" }, async (deps) => {
    const input = { action, filter, before: await bulkInstant(deps), after: null, limit: options.slice };
    return options.dryRun === true ? preview(deps, input, options) : apply(deps, input, more, json);
  });
};
