import { Empty, Skeleton, Trouble } from "../parts/empty.tsx";
import { Link } from "../parts/link.tsx";
import { Time } from "../parts/time.tsx";
import { count, plural, shortId } from "../state/format.ts";
import { useLive } from "../state/live.ts";
import type { Lease, LeaseList, Worker, WorkerList } from "../state/wire.ts";

const progressOf = ({ progress }: Lease): number | null => {
  const all = Object.values(progress);
  return all.length === 0 ? null : all.reduce((sum, { fraction }) => sum + fraction, 0) / all.length;
};

const LeaseRow = ({ lease }: { readonly lease: Lease }) => {
  const { type, queue, jobs, job_ids, began_at, created_at, expires_at, expired, invocation, cancel_requested } = lease;
  const fraction = progressOf(lease);
  return (
    <tr>
      <th scope="row" class="wrap">
        {type}
        <div class="muted">{queue}</div>
      </th>
      <td data-label="Jobs">
        {job_ids.slice(0, 3).map((id) => (
          <div key={id}>
            <Link page={null} params={{ job: id }} class="mono row-link">
              {shortId(id)}
            </Link>
          </div>
        ))}
        {jobs > 3 && <span class="muted">and {count(jobs - 3)} more</span>}
        {cancel_requested.length > 0 && <div class="muted">asked to stop: {count(cancel_requested.length)}</div>}
      </td>
      <td data-label="Since">{began_at === null ? "not begun" : <Time at={began_at ?? created_at} />}</td>
      <td data-label="Lease expires">{expired ? <span class="state dead">expired</span> : <Time at={expires_at} />}</td>
      <td data-label="Progress">
        {fraction === null ? "–" : <progress max={1} value={fraction} aria-label="Progress" />}
      </td>
      <td class="mono wrap" data-label="Invocation">
        {invocation ?? "–"}
      </td>
    </tr>
  );
};

const Leases = ({ leases }: { readonly leases: LeaseList }) => (
  <div class="scroll" tabIndex={0} role="region" aria-label="Table of leases">
    <table class="plain stacked">
      <thead>
        <tr>
          {["Type", "Jobs", "Since", "Lease expires", "Progress", "Invocation"].map((head) => (
            <th key={head} scope="col">
              {head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {leases.data.map((lease) => (
          <LeaseRow key={lease.id} lease={lease} />
        ))}
      </tbody>
    </table>
  </div>
);

const WorkerRow = ({ worker }: { readonly worker: Worker }) => (
  <tr>
    <th scope="row" class="mono wrap">
      {worker.id ?? worker.invocation ?? "unknown"}
    </th>
    <td data-label="Finds jobs">{worker.listening ? "listens" : "was invoked, or polls"}</td>
    <td class="wrap" data-label="Types">
      {worker.types.join(", ")}
      <div class="muted">{worker.queues === null ? "all queues" : worker.queues.join(", ")}</div>
    </td>
    <td class="num" data-label="Jobs">
      {count(worker.jobs)}
    </td>
    <td data-label="Since">{worker.since === null ? "–" : <Time at={worker.since} />}</td>
  </tr>
);

const Workers = ({ workers }: { readonly workers: WorkerList }) => (
  <div class="scroll" tabIndex={0} role="region" aria-label="Table of workers">
    <table class="plain stacked">
      <thead>
        <tr>
          <th scope="col">Worker</th>
          <th scope="col">Finds jobs</th>
          <th scope="col">Types</th>
          <th scope="col" class="num">
            Jobs
          </th>
          <th scope="col">Since</th>
        </tr>
      </thead>
      <tbody>
        {workers.data.map((worker, index) => (
          <WorkerRow key={worker.id ?? worker.invocation ?? index} worker={worker} />
        ))}
      </tbody>
    </table>
  </div>
);

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
        {leases.answer.value?.data.length === 0 && <Empty icon="running" title="Nothing runs right now" />}
        {leases.answer.value !== null && leases.answer.value.data.length > 0 && <Leases leases={leases.answer.value} />}
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
          <Workers workers={workers.answer.value} />
        )}
      </section>
    </>
  );
};
