import { Empty, Skeleton, Trouble } from "../parts/empty.tsx";
import { Link } from "../parts/link.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { Time } from "../parts/time.tsx";
import { count, plural, shortId } from "../state/format.ts";
import { useLive } from "../state/live.ts";
import type { Lease, LeaseList, Worker, WorkerList } from "../state/wire.ts";

const progressOf = ({ progress }: Lease): number | null => {
  const all = Object.values(progress);
  return all.length === 0 ? null : all.reduce((sum, { fraction }) => sum + fraction, 0) / all.length;
};

const LEASE_COLUMNS: readonly Column<Lease>[] = [
  {
    head: "Type",
    cell: ({ type, queue }) => (
      <>
        {type}
        <div class="muted">{queue}</div>
      </>
    ),
  },
  {
    head: "Jobs",
    cell: ({ jobs, job_ids, cancel_requested }) => (
      <>
        {job_ids.slice(0, 3).map((id) => (
          <div key={id}>
            <Link page={null} params={{ job: id }} class="mono row-link">
              {shortId(id)}
            </Link>
          </div>
        ))}
        {jobs > 3 && <span class="muted">and {count(jobs - 3)} more</span>}
        {cancel_requested.length > 0 && <div class="muted">asked to stop: {count(cancel_requested.length)}</div>}
      </>
    ),
  },
  { head: "Since", cell: ({ began_at }) => (began_at === null ? "not begun" : <Time at={began_at} />) },
  {
    head: "Lease expires",
    cell: ({ expired, expires_at }) => (expired ? <span class="state dead">expired</span> : <Time at={expires_at} />),
  },
  {
    head: "Progress",
    cell: (lease) => {
      const fraction = progressOf(lease);
      if (fraction === null) return "–";
      return (
        <>
          <progress max={1} value={fraction} aria-label="Progress" /> {Math.round(fraction * 100)} %
        </>
      );
    },
  },
  {
    head: "Invocation",
    class: "wrap",
    cell: ({ invocation }) => (invocation === null ? "–" : <span class="mono">{invocation}</span>),
  },
];

const nameOf = ({ id, invocation }: Worker): string => id ?? invocation ?? "unknown";

const WORKER_COLUMNS: readonly Column<Worker>[] = [
  { head: "Worker", class: "mono", cell: nameOf },
  { head: "Finds jobs", cell: ({ listening }) => (listening ? "listens" : "was invoked, or polls") },
  {
    head: "Types",
    class: "wrap",
    cell: ({ types, queues }) => (
      <>
        {types.join(", ")}
        <div class="muted">{queues === null ? "all queues" : queues.join(", ")}</div>
      </>
    ),
  },
  { head: "Jobs", kind: "num", cell: ({ jobs }) => count(jobs) },
  { head: "Since", cell: ({ since }) => (since === null ? "–" : <Time at={since} />) },
];

/** What runs this moment, and who runs it. */
export const Running = () => {
  const leases = useLive<LeaseList>("leases?limit=200");
  const workers = useLive<WorkerList>("workers");
  return (
    <>
      <Trouble text={leases.trouble.value ?? workers.trouble.value} />
      <section class="card" aria-labelledby="leases-title">
        <header>
          <h2 id="leases-title">Leases</h2>
          <span class="muted">
            {leases.answer.value !== null && plural(leases.answer.value.data.length, "open lease")}
          </span>
        </header>
        {leases.answer.value === null && leases.trouble.value === null && <Skeleton rows={4} />}
        {leases.answer.value?.data.length === 0 && (
          <Empty icon="running" title="Nothing runs right now">
            <p>
              What is due is taken within seconds. What still waits is under{" "}
              <Link page="jobs" params={{ state: "pending" }}>
                pending
              </Link>
              , and what comes later under{" "}
              <Link page="jobs" params={{ state: "scheduled" }}>
                scheduled
              </Link>
              .
            </p>
          </Empty>
        )}
        {leases.answer.value !== null && leases.answer.value.data.length > 0 && (
          <Table label="leases" columns={LEASE_COLUMNS} rows={leases.answer.value.data} keyOf={({ id }) => id} />
        )}
      </section>
      <section class="card" aria-labelledby="workers-title">
        <header>
          <h2 id="workers-title">Workers</h2>
        </header>
        {workers.answer.value?.data.length === 0 && (
          <Empty icon="workers" title="No worker listens, and none runs a job">
            <p>Lambda starts a function for each batch. A process that works is started so:</p>
            <pre>npx forgeq worker --concurrency 10</pre>
          </Empty>
        )}
        {workers.answer.value !== null && workers.answer.value.data.length > 0 && (
          <Table label="workers" columns={WORKER_COLUMNS} rows={workers.answer.value.data} keyOf={nameOf} />
        )}
      </section>
    </>
  );
};
