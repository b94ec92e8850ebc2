import { param } from "../state/address.ts";
import { type BulkAction, bulkRequest } from "../state/bulk.ts";
import { queryOf } from "../state/filter.ts";
import { count, plural } from "../state/format.ts";
import { clearSelection, selected } from "../state/selection.ts";
import type { ListedJob } from "../state/wire.ts";
import { currentTerms } from "./filter-bar.tsx";
import { Icon } from "./icons.tsx";
import { countEnded } from "./job-row.tsx";

/** The filter of the address, as the API takes it. */
export const filterOf = (nowMs: number): Record<string, string> => ({
  ...(param("state") !== "" && { state: param("state") }),
  ...queryOf(currentTerms(), nowMs),
});

/** Opens the dialog about the jobs that are selected. */
export const bulkOf = (action: BulkAction): void => {
  const jobs = [...selected.value.values()];
  bulkRequest.value = { action, target: { jobs }, of: plural(jobs.length, "selected job") };
};

export const BulkBar = ({ rows }: { readonly rows: readonly ListedJob[] }) => {
  const n = selected.value.size;
  if (n === 0) return null;
  const ended = countEnded(rows.filter(({ id }) => selected.value.has(id)));
  return (
    <div class="bulk" role="toolbar" aria-label="Selected jobs">
      <b>{count(n)} selected</b>
      <button class="primary" disabled={ended === 0} onClick={() => bulkOf("retry")}>
        <Icon name="retry" />
        Retry {count(ended)}
      </button>
      <button disabled={ended === n} onClick={() => bulkOf("cancel")}>
        <Icon name="cancelled" />
        Cancel {count(n - ended)}
      </button>
      <button disabled={ended === n} onClick={() => bulkOf("reschedule")}>
        <Icon name="scheduled" />
        Reschedule
      </button>
      <button class="danger" disabled={ended === 0} onClick={() => bulkOf("delete")}>
        <Icon name="trash" />
        Delete
      </button>
      <button class="link" onClick={clearSelection}>
        Clear
      </button>
    </div>
  );
};

/** Actions on everything that the filter finds, however much it is. */
export const AllBar = () => {
  const filter = filterOf(Date.now());
  const isAll = Object.keys(filter).length === 0;
  if (isAll || selected.value.size > 0) return null;
  const open = (action: BulkAction): void => {
    bulkRequest.value = { action, target: { filter }, of: "all that match" };
  };
  const states = param("state");
  const ended = ["completed", "dead", "cancelled"].includes(states);
  return (
    <span class="actions">
      {(ended || states === "") && (
        <button class="link" onClick={() => open("retry")}>
          Retry all that match
        </button>
      )}
      {!ended && (
        <button class="link" onClick={() => open("cancel")}>
          Cancel all that match
        </button>
      )}
      {ended && (
        <button class="link" onClick={() => open("delete")}>
          Delete all that match
        </button>
      )}
    </span>
  );
};
