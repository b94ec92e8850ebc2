import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Copy } from "../parts/copy.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { Skeleton, Trouble } from "../parts/empty.tsx";
import { Icon, type IconName } from "../parts/icons.tsx";
import { JobForm, type JobFormName } from "../parts/job-forms.tsx";
import { Json } from "../parts/json.tsx";
import { StateBadge } from "../parts/state-badge.tsx";
import { Time } from "../parts/time.tsx";
import { patch } from "../state/address.ts";
import { call, messageOf } from "../state/api.ts";
import { now } from "../state/clock.ts";
import { actOnJob } from "../state/job-actions.ts";
import { useActionKeys } from "../state/keyboard.ts";
import { useLive } from "../state/live.ts";
import { findLogs, logsOf } from "../state/logs.ts";
import { can } from "../state/session.ts";
import { say } from "../state/toast.ts";
import { timelineOf } from "../state/timeline.ts";
import { type Attempt, hasEnded, type Job, type LeaseList } from "../state/wire.ts";

const close = (): void => patch({ job: null });

interface Offered {
  readonly action: JobFormName;
  readonly label: string;
  readonly icon: IconName;
  readonly primary?: boolean;
}

const offered = (job: Job): readonly Offered[] => {
  const ended = hasEnded(job);
  const waits = job.state === "scheduled" || job.state === "pending";
  return [
    ...(ended ? [{ action: "retry", label: "Retry", icon: "retry", primary: true } as const] : []),
    ...(ended && job.payload !== null
      ? [{ action: "edit", label: "Retry with another payload", icon: "retry" } as const]
      : []),
    ...(ended ? [] : [{ action: "cancel", label: "Cancel", icon: "cancelled" } as const]),
    ...(ended ? [] : [{ action: "explain", label: "Cancel with a reason", icon: "cancelled" } as const]),
    ...(waits ? [{ action: "reschedule", label: "Reschedule", icon: "scheduled" } as const] : []),
    ...(can("jobs:write") && job.payload !== null ? [{ action: "clone", label: "Clone", icon: "copy" } as const] : []),
    ...(ended ? [{ action: "delete", label: "Delete", icon: "trash" } as const] : []),
  ];
};

const asks = (action: JobFormName) => action !== "retry" && action !== "cancel";

const Actions = ({ job }: { readonly job: Job }) => {
  const form = useSignal<JobFormName | null>(null);
  const manage = can("jobs:manage");
  const run = (action: JobFormName): void => {
    if (asks(action)) form.value = action;
    else void actOnJob(action, job);
  };
  useActionKeys({
    retry: () => manage && hasEnded(job) && run("retry"),
    cancel: () => manage && !hasEnded(job) && run("cancel"),
  });
  if (!manage) return <p class="muted">Read only: this session may look, and change nothing.</p>;
  return (
    <>
      <div class="actions">
        {offered(job).map(({ action, label, icon, primary }) => (
          <button
            key={action}
            class={primary ? "primary" : ""}
            aria-expanded={asks(action) ? form.value === action : undefined}
            onClick={() => run(action)}
          >
            <Icon name={icon} />
            {label}
          </button>
        ))}
        {job.state === "scheduled" && (
          <button onClick={() => void actOnJob("reschedule", job, { delay_seconds: 0 })}>
            <Icon name="play" />
            Run now
          </button>
        )}
      </div>
      {form.value !== null && (
        <JobForm key={form.value} action={form.value} job={job} onDone={() => (form.value = null)} onGone={close} />
      )}
    </>
  );
};

/** The lease that the job is in, as far as the newest 200 of its type and queue show it. */
const LiveLease = ({ job }: { readonly job: Job }) => {
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

const Logs = ({ job }: { readonly job: Job }) => {
  useEffect(() => void findLogs(), []);
  const address = logsOf(job, now.value);
  return address === null ? null : (
    <a class="button" href={address} target="_blank" rel="noopener noreferrer">
      Logs
    </a>
  );
};

const Facts = ({ job }: { readonly job: Job }) => (
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

const Fact = ({ name, children }: { readonly name: string; readonly children: preact.ComponentChildren }) => (
  <div>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
);

/** Frames of packages and of Node say little: they step back. */
const isForeign = (line: string): boolean => /node_modules|\bnode:|<anonymous>/.test(line);

const AttemptError = ({ error, open }: { readonly error: NonNullable<Attempt["error"]>; readonly open: boolean }) => (
  <details class="error" open={open}>
    <summary>
      <b>{error.name}</b> {error.message ?? <span class="muted">message hidden for this key</span>}
    </summary>
    {error.stack !== undefined && (
      <pre tabIndex={0}>
        {error.stack.split("\n").map((line, row) => (
          <span key={row} class={isForeign(line) ? "foreign" : ""}>
            {line}
            {"\n"}
          </span>
        ))}
      </pre>
    )}
  </details>
);

const MOST_ATTEMPTS = 100;

/** Attempts before the newest hundred, which the job comes with. */
const useEarlier = (job: Job) => {
  const earlier = useSignal<readonly Attempt[]>([]);
  const cursor = useSignal<string | null | undefined>(undefined);
  const more = (job.attempts?.length ?? 0) >= MOST_ATTEMPTS && cursor.value !== null;
  const load = async (): Promise<void> => {
    try {
      const path = `jobs/${job.id}/attempts?limit=100`;
      const page = await call<{ data: Attempt[]; next_cursor: string | null }>(
        "GET",
        cursor.value === undefined ? path : `${path}&cursor=${encodeURIComponent(cursor.value ?? "")}`,
      );
      const known = new Set(
        [...(job.attempts ?? []), ...earlier.value].map(({ ended_at, number }) => `${ended_at} ${number}`),
      );
      const fresh = page.data.filter(({ ended_at, number }) => !known.has(`${ended_at} ${number}`));
      earlier.value = [...fresh.reverse(), ...earlier.value];
      cursor.value = page.next_cursor;
    } catch (error) {
      say(messageOf(error));
    }
  };
  return { earlier, more, load };
};

const Timeline = ({ job }: { readonly job: Job }) => {
  const { earlier, more, load } = useEarlier(job);
  const steps = timelineOf(job, now.value, earlier.value);
  const last = steps.findLastIndex(({ attempt }) => attempt?.error);
  return (
    <section aria-labelledby="timeline-title">
      <h3 id="timeline-title">Timeline</h3>
      {more && (
        <button class="link" onClick={() => void load()}>
          Show earlier attempts
        </button>
      )}
      <ol class="timeline">
        {steps.map(({ at, title, tone, detail, took, attempt }, index) => (
          <li key={`${title}${at}`} class={tone}>
            <div>
              <b>{title}</b>
              {detail !== undefined && <span> {detail}</span>}
              {took !== undefined && <em>{took}</em>}
            </div>
            <Time at={at} />
            {attempt?.error && <AttemptError error={attempt.error} open={index === last} />}
          </li>
        ))}
      </ol>
    </section>
  );
};

/** A word in a shell, whatever it holds. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

const Commands = ({ job }: { readonly job: Job }) => {
  const url = new URL("jobs", location.href.split(/[?#]/)[0]);
  const body = JSON.stringify({ type: job.type, queue: job.queue, payload: job.payload });
  const curl = `curl -i ${quoted(url.href)} -H "authorization: Bearer $FORGEQ_API_KEY" -H 'content-type: application/json' -d ${quoted(body)}`;
  const cli = `npx forgeq enqueue --type ${job.type} --queue ${job.queue} --payload ${quoted(JSON.stringify(job.payload))}`;
  return (
    <div class="actions">
      <Copy text={curl} label="Copy as curl">
        Copy as curl
      </Copy>
      <Copy text={cli} label="Copy as a forgeq command">
        Copy as a forgeq command
      </Copy>
    </div>
  );
};

const isHidden = (job: Job, field: string): boolean => job.hidden?.some((name) => name.startsWith(field)) ?? false;

const Body = ({ job }: { readonly job: Job }) => (
  <>
    <Actions job={job} />
    {job.progress !== null && (
      <div class="progress">
        <progress max={1} value={job.progress.fraction} aria-label="Progress" />
        <span>
          {Math.round(job.progress.fraction * 100)} %{job.progress.note ? ` · ${job.progress.note}` : ""}
        </span>
      </div>
    )}
    <Facts job={job} />
    {(job.state === "leased" || job.state === "running") && <LiveLease job={job} />}
    <Timeline job={job} />
    <Json title="Payload" value={job.payload} hidden={isHidden(job, "payload")} />
    {(job.result !== null || isHidden(job, "result")) && (
      <Json title="Result" value={job.result} hidden={isHidden(job, "result")} />
    )}
    {(job.metadata === null || Object.keys(job.metadata).length > 0) && (
      <Json title="Metadata" value={job.metadata} hidden={job.metadata === null} />
    )}
    {!isHidden(job, "payload") && <Commands job={job} />}
  </>
);

/** One job with everything that is known of it, beside the page that it was opened from. */
export const JobPanel = ({ id }: { readonly id: string }) => {
  const { answer, trouble } = useLive<Job>(`jobs/${encodeURIComponent(id)}`);
  const job = answer.value;
  return (
    <Dialog title={job?.type ?? "Job"} beside={job !== null && <StateBadge job={job} />} class="panel" onClose={close}>
      <p class="id-line mono muted">
        {id}
        <Copy text={id} label="Copy the id" />
        {job !== null && <Logs job={job} />}
      </p>
      <Trouble text={trouble.value} />
      {job !== null && <Body job={job} />}
      {job === null && trouble.value === null && <Skeleton rows={5} />}
    </Dialog>
  );
};
