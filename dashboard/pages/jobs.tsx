import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { FilterBar } from "../parts/filter-bar.tsx";
import { Skeleton, Trouble } from "../parts/empty.tsx";
import { AllBar, BulkBar, bulkOf, filterOf } from "../parts/job-bulk.tsx";
import { JobRow } from "../parts/job-row.tsx";
import { Link } from "../parts/link.tsx";
import { NoJobs } from "../parts/no-jobs.tsx";
import { param } from "../state/address.ts";
import { call, messageOf } from "../state/api.ts";
import { compact, count, instant } from "../state/format.ts";
import { actOnJob } from "../state/job-actions.ts";
import { useActionKeys } from "../state/keyboard.ts";
import { type Source, useLive } from "../state/live.ts";
import { type Shown, shownRows, withOlder } from "../state/rows.ts";
import { clearSelection, selectAll, selected, toggle } from "../state/selection.ts";
import { can } from "../state/session.ts";
import { type JobCounts, type JobPage, type ListedJob, type Overview, type Stats, STATES } from "../state/wire.ts";

const RECOUNT_MS = 60_000;

/** What the overview does not count: once a minute while the page is live. */
const useFinished = (overview: Overview | null): Readonly<Record<string, Count>> => {
  const counts = useSignal<Readonly<Record<string, Count>>>({});
  const countedAtMs = useRef(-Infinity);
  useEffect(() => {
    if (overview === null || Date.now() - countedAtMs.current < RECOUNT_MS) return;
    countedAtMs.current = Date.now();
    const ask = async (): Promise<void> => {
      const [{ cancelled }, { totals }] = await Promise.all([
        call<JobCounts>("GET", "jobs/counts"),
        call<Stats>("GET", "stats?window=30d"),
      ]);
      counts.value = {
        cancelled: { n: cancelled, title: "Cancelled jobs that are kept" },
        completed: { n: totals.completed, title: "Completed in the last 30 days" },
      };
    };
    // The list itself says what is wrong with the server.
    void ask().catch(() => undefined);
  }, [overview]);
  return counts.value;
};

interface Count {
  readonly n: number;
  readonly title?: string;
}

const Tabs = ({ overview }: { readonly overview: Overview | null }) => {
  const finished = useFinished(overview);
  const countOf = (state: string): Count | undefined => {
    const { totals } = overview ?? {};
    return totals !== undefined && state in totals ? { n: totals[state as "dead"] } : finished[state];
  };
  return (
    <nav class="tabs" aria-label="States">
      <ul>
        {["", ...STATES].map((state) => {
          const counted = countOf(state);
          return (
            <li key={state}>
              <Link page={null} params={{ state }} aria-current={param("state") === state ? "page" : undefined}>
                {state === "" ? "All" : state.charAt(0).toUpperCase() + state.slice(1)}
                {counted !== undefined && (
                  <span class={`n ${state === "dead" && counted.n > 0 ? "bad" : ""}`} title={counted.title}>
                    {compact(counted.n)}
                  </span>
                )}
              </Link>
            </li>
          );
        })}
      </ul>
    </nav>
  );
};

const NARROW = 720;

/** The list's question, the same until the address changes: times like `2h` are counted from when it was asked. */
const usePath = (): string => {
  const asked = useRef({ key: "", path: "" });
  const key = `${param("state")} ${param("q")}`;
  if (asked.current.key !== key || asked.current.path === "") {
    const query = new URLSearchParams({ ...filterOf(Date.now()), limit: innerWidth < NARROW ? "20" : "50" });
    asked.current = { key, path: `jobs?${query.toString()}` };
  }
  return asked.current.path;
};

interface Older {
  readonly path: string;
  readonly rows: readonly ListedJob[];
  readonly cursor: string | null;
  readonly searchedTo: string | null;
}

/** The rows that are shown: the newest answer, held while somebody points at them, and what was asked for below it. */
const useRows = (source: Source<JobPage>) => {
  const pointed = useSignal(false);
  const older = useSignal<Older | null>(null);
  const trouble = useSignal<string | null>(null);
  const asking = useSignal(false);
  const memory = useRef<{
    source: Source<JobPage>;
    page: JobPage | null;
    shown: Shown<ListedJob> | null;
    anew: boolean;
  }>({
    source,
    page: null,
    shown: null,
    anew: false,
  });
  if (memory.current.source !== source) memory.current = { source, page: null, shown: null, anew: false };
  const below = older.value?.path === source.path ? older.value : null;
  const page = source.answer.value;
  const held = pointed.value || selected.value.size > 0 || below !== null;
  const last = memory.current;
  if (page !== null && (page !== last.page || (!held && (last.shown?.newer ?? 0) > 0)))
    memory.current = { source, page, shown: shownRows(last.shown, page, held && !last.anew), anew: false };
  const { shown } = memory.current;
  const cursor = below === null ? (page?.next_cursor ?? null) : below.cursor;
  const goOn = async (): Promise<void> => {
    asking.value = true;
    try {
      const next = await call<JobPage>("GET", `${source.path}&cursor=${encodeURIComponent(cursor ?? "")}`);
      older.value = {
        path: source.path,
        rows: [...(below?.rows ?? []), ...next.data],
        cursor: next.next_cursor,
        searchedTo: next.searched_to,
      };
      trouble.value = null;
    } catch (error) {
      trouble.value = messageOf(error);
    } finally {
      asking.value = false;
    }
  };
  const showNewer = (): void => {
    older.value = null;
    clearSelection();
    memory.current = { ...memory.current, page: null, anew: true };
    pointed.value = false;
  };
  return {
    shown: shown === null ? null : withOlder(shown, below?.rows ?? []),
    searchedTo: below === null ? (page?.searched_to ?? null) : below.searchedTo,
    ...{ cursor, goOn, asking, trouble, pointed, showNewer },
  };
};

const HEADS = [
  ["s", "State"],
  ["what", "Job"],
  ["q", "Queue"],
  ["a num", "Attempt"],
  ["t", "When"],
  ["took num", "Took"],
  ["d", "Detail"],
] as const;

const Table = ({ shown, manage }: { readonly shown: Shown<ListedJob>; readonly manage: boolean }) => {
  const { rows, left } = shown;
  const all = rows.every(({ id }) => selected.value.has(id));
  return (
    <table class="jobs">
      <thead>
        <tr>
          {manage && (
            <th class="c">
              <label>
                <input
                  type="checkbox"
                  checked={all}
                  aria-label="Select all shown"
                  onClick={() => (all ? clearSelection() : selectAll(rows))}
                />
              </label>
            </th>
          )}
          {HEADS.map(([name, label]) => (
            <th key={label} scope="col" class={name}>
              {label}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((job) => (
          <JobRow
            key={job.id}
            job={job}
            selected={selected.value.has(job.id)}
            left={left.has(job.id)}
            onSelect={manage ? (id, range) => toggle(rows, id, range) : null}
          />
        ))}
      </tbody>
    </table>
  );
};

/** Values that the filter suggests. */
const valuesOf = (overview: Overview | null, rows: readonly ListedJob[]): Record<string, readonly string[]> => ({
  type: [
    ...new Set([...rows.map(({ type }) => type), ...(overview?.errors.data.flatMap(({ types }) => types) ?? [])]),
  ].sort(),
  queue: overview?.queues.map(({ name }) => name) ?? [],
});

/** Every job, by state and filter. */
export const Jobs = ({ overview }: { readonly overview: Overview | null }) => {
  const path = usePath();
  const source = useLive<JobPage>(path);
  const { shown, searchedTo, cursor, goOn, asking, trouble, pointed, showNewer } = useRows(source);
  const manage = can("jobs:manage");
  const rows = shown?.rows ?? [];
  const key = useRef(path);
  if (key.current !== path) {
    key.current = path;
    queueMicrotask(clearSelection);
  }
  const act = (action: "retry" | "cancel") => (rowId: string | null) => {
    const row = rows.find(({ id }) => id === rowId);
    if (!manage) return;
    if (selected.value.size > 0) bulkOf(action);
    else if (row !== undefined) void actOnJob(action, row);
  };
  useActionKeys({ retry: act("retry"), cancel: act("cancel") });
  return (
    <section class="card list" aria-label="Jobs">
      <Tabs overview={overview} />
      <FilterBar values={valuesOf(overview, rows)} />
      <Trouble text={source.trouble.value ?? trouble.value} />
      {manage && <BulkBar rows={rows} />}
      {shown === null && source.trouble.value === null && <Skeleton />}
      {shown !== null && rows.length === 0 && <NoJobs searchedTo={searchedTo} />}
      {shown !== null && rows.length > 0 && (
        <div
          class="scroll"
          tabIndex={0}
          role="region"
          aria-label="Table of jobs"
          onPointerEnter={() => (pointed.value = true)}
          onPointerLeave={() => (pointed.value = false)}
          onFocusIn={() => (pointed.value = true)}
          onFocusOut={() => (pointed.value = false)}
        >
          {shown.newer > 0 && (
            <button class="newer" onClick={showNewer}>
              {count(shown.newer)} newer: show
            </button>
          )}
          <Table shown={shown} manage={manage} />
        </div>
      )}
      <footer>
        {rows.length > 0 && (
          <span class="muted">
            {count(rows.length)} shown{searchedTo !== null && `, looked back to ${instant(searchedTo)}`}
          </span>
        )}
        {manage && rows.length > 0 && <AllBar />}
        {cursor !== null && (
          <button disabled={asking.value} onClick={() => void goOn()}>
            {asking.value ? "Looking" : searchedTo === null ? "Show more" : "Look further back"}
          </button>
        )}
      </footer>
    </section>
  );
};
