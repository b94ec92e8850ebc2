import { Spark } from "../charts/spark.tsx";
import { type BulkAction, bulkRequest } from "../state/bulk.ts";
import { count, instant, plural } from "../state/format.ts";
import { can } from "../state/session.ts";
import type { ErrorGroup, ErrorList } from "../state/wire.ts";
import { Icon } from "./icons.tsx";
import { Link } from "./link.tsx";
import { Time } from "./time.tsx";

const openBulk = (action: BulkAction, group: ErrorGroup): void => {
  bulkRequest.value = {
    action,
    target: { filter: { state: "dead", error: group.fingerprint } },
    of: `the dead jobs of ${group.name}`,
  };
};

const Group = ({ group }: { readonly group: ErrorGroup }) => {
  const { fingerprint, name, message, example, frame, types, attempts, jobs, dead, first_at, last_at, spark } = group;
  return (
    <li class="error-group">
      <div>
        <h3>
          <b>{name}</b> {message}
        </h3>
        {example !== null && example !== message && <p>The newest: {example}</p>}
        {frame !== null && <p class="mono">{frame}</p>}
        <p>
          {plural(attempts, "attempt")} of {plural(jobs, "job")} of {types.join(", ")}, first <Time at={first_at} />,
          last <Time at={last_at} />
        </p>
      </div>
      <Spark values={spark} />
      <div class="actions">
        <Link page="jobs" params={{ q: `error:${fingerprint}` }} class="button">
          Show the jobs
        </Link>
        {dead > 0 && (
          <Link page="jobs" params={{ state: "dead", q: `error:${fingerprint}` }} class="button">
            {count(dead)} dead
          </Link>
        )}
        <Link page={null} params={{ job: group.job_id }} class="button">
          Newest job
        </Link>
        {dead > 0 && can("jobs:manage") && (
          <>
            <button onClick={() => openBulk("retry", group)}>
              <Icon name="retry" />
              Retry the dead
            </button>
            <button class="danger" onClick={() => openBulk("delete", group)}>
              <Icon name="trash" />
              Delete the dead
            </button>
          </>
        )}
      </div>
    </li>
  );
};

/** How far back the groups go: what was not read is not claimed. */
export const readOf = ({ attempts, since, complete }: ErrorList): string =>
  complete
    ? `${plural(attempts, "failed attempt")}, all of the window`
    : `the newest ${plural(attempts, "failed attempt")}, back to ${instant(since)}`;

export const ErrorGroups = ({ groups }: { readonly groups: readonly ErrorGroup[] }) => (
  <ol>
    {groups.map((group) => (
      <Group key={group.fingerprint} group={group} />
    ))}
  </ol>
);
