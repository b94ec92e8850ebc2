import type { ComponentChildren } from "preact";
import { useLive } from "../state/live.ts";
import type { Job, LeaseList } from "../state/wire.ts";
import { Time } from "./time.tsx";

const Fact = ({ name, children }: { readonly name: string; readonly children: ComponentChildren }) => (
  <div>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
);

/** The lease that the job is in, as far as the newest 200 of its type and queue show it. */
export const LiveLease = ({ job }: { readonly job: Job }) => {
  const part = new URLSearchParams({ type: job.type, queue: job.queue }).toString();
  const { answer } = useLive<LeaseList>(`leases?${part}`);
  const lease = answer.value?.data.find(({ job_ids }) => job_ids.includes(job.id));
  if (lease === undefined) return null;
  return (
    <dl class="facts">
      <Fact name="Leased">
        <Time at={lease.created_at} />
      </Fact>
      <Fact name="Lease expires">
        {lease.expired ? <span class="state dead">expired</span> : <Time at={lease.expires_at} />}
      </Fact>
      <Fact name="Jobs in it">{lease.jobs}</Fact>
      {lease.invocation !== null && (
        <Fact name="Invocation">
          <span class="mono">{lease.invocation}</span>
        </Fact>
      )}
      {lease.cancel_requested.includes(job.id) && <Fact name="Cancel">asked for</Fact>}
    </dl>
  );
};

/** What a job is. */
export const Facts = ({ job }: { readonly job: Job }) => (
  <dl class="facts">
    <Fact name="Queue">{job.queue}</Fact>
    <Fact name="Attempts">
      {job.attempt} of {job.max_attempts}
    </Fact>
    <Fact name="Priority">{job.priority}</Fact>
    <Fact name="Enqueued">
      <Time at={job.created_at} />
    </Fact>
    {job.finished_at === null ? (
      <Fact name="Due">
        <Time at={job.run_at} />
      </Fact>
    ) : (
      <Fact name="Finished">
        <Time at={job.finished_at} />
      </Fact>
    )}
    {job.life > 1 && <Fact name="Life">{job.life}</Fact>}
    {job.unique_key !== null && (
      <Fact name="Unique key">
        <span class="mono">{job.unique_key}</span>
      </Fact>
    )}
  </dl>
);
