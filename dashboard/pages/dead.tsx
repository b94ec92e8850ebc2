import { Empty, Skeleton, Trouble } from "../parts/empty.tsx";
import { ErrorGroups, readOf } from "../parts/error-groups.tsx";
import { Icon } from "../parts/icons.tsx";
import { Link } from "../parts/link.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { type BulkAction, bulkRequest } from "../state/bulk.ts";
import { count } from "../state/format.ts";
import { useLive } from "../state/live.ts";
import { can } from "../state/session.ts";
import type { ErrorList, JobCounts } from "../state/wire.ts";

type Row = JobCounts["by"][number];

const openBulk = (action: BulkAction, { type, queue }: Row): void => {
  bulkRequest.value = {
    action,
    target: { filter: { state: "dead", type, queue } },
    of: `the dead jobs of ${type} in ${queue}`,
  };
};

const Actions = ({ row }: { readonly row: Row }) => (
  <div class="actions">
    <button onClick={() => openBulk("retry", row)} aria-label={`Retry the dead of ${row.type} in ${row.queue}`}>
      <Icon name="retry" />
      Retry
    </button>
    <button
      class="danger"
      onClick={() => openBulk("delete", row)}
      aria-label={`Delete the dead of ${row.type} in ${row.queue}`}
    >
      <Icon name="trash" />
      Delete
    </button>
  </div>
);

const columns = (): readonly (Column<Row> | false)[] => [
  {
    head: "Type",
    cell: ({ type, queue }) => (
      <Link page="jobs" params={{ state: "dead", q: `type:${type} queue:${queue}` }}>
        {type}
      </Link>
    ),
  },
  { head: "Queue", class: "wrap", cell: ({ queue }) => queue },
  { head: "Dead", kind: "num", cell: ({ dead }) => count(dead) },
  can("jobs:manage") && { head: "Actions", kind: "actions", cell: (row) => <Actions row={row} /> },
];

/** Jobs that failed for good, by type and by error. */
export const Dead = () => {
  const counts = useLive<JobCounts>("jobs/counts", { essence: ({ dead, by }) => [dead, by] });
  const errors = useLive<ErrorList>("errors?window=30d", { essence: ({ data }) => data.map(({ dead }) => dead) });
  const rows = counts.answer.value?.by.filter(({ dead }) => dead > 0) ?? null;
  const groups = errors.answer.value?.data.filter(({ dead }) => dead > 0) ?? [];
  if (rows?.length === 0)
    return (
      <section class="card" aria-label="Dead jobs">
        <Trouble text={counts.trouble.value} />
        <Empty icon="completed" title="No job is dead">
          <p>
            A job dies when its attempts are used up, or when its handler gives up for good. It can be retried from
            here.
          </p>
        </Empty>
      </section>
    );
  return (
    <>
      <Trouble text={counts.trouble.value ?? errors.trouble.value} />
      <section class="card" aria-labelledby="types-title">
        <header>
          <h2 id="types-title">By type and queue</h2>
          <span class="muted">{counts.answer.value !== null && `${count(counts.answer.value.dead)} in all`}</span>
        </header>
        {rows === null && counts.trouble.value === null && <Skeleton rows={4} />}
        {rows !== null && (
          <Table label="dead jobs" columns={columns()} rows={rows} keyOf={({ type, queue }) => `${type} ${queue}`} />
        )}
      </section>
      {groups.length > 0 && errors.answer.value !== null && (
        <section class="card" aria-labelledby="groups-title">
          <header>
            <h2 id="groups-title">By error</h2>
            <span class="muted">{readOf(errors.answer.value)}</span>
          </header>
          <ErrorGroups groups={groups} />
        </section>
      )}
    </>
  );
};
