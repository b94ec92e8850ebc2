import { useEffect } from "preact/hooks";
import { Copy } from "../parts/copy.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { Skeleton, Trouble } from "../parts/empty.tsx";
import { JobActions } from "../parts/job-actions.tsx";
import { Commands } from "../parts/job-commands.tsx";
import { Facts, LiveLease } from "../parts/job-facts.tsx";
import { EarlierLife, Lives, useLives } from "../parts/job-lives.tsx";
import { Timeline } from "../parts/job-timeline.tsx";
import { Json } from "../parts/json.tsx";
import { Link } from "../parts/link.tsx";
import { StateBadge } from "../parts/state-badge.tsx";
import { param, patch } from "../state/address.ts";
import { now } from "../state/clock.ts";
import { useLive } from "../state/live.ts";
import { findLogs, logsOf } from "../state/logs.ts";
import type { Job } from "../state/wire.ts";

const close = (): void => patch({ job: null, life: null });

const Logs = ({ job }: { readonly job: Job }) => {
  useEffect(() => void findLogs(), []);
  const address = logsOf(job, now.value);
  return address === null ? null : (
    <a class="button" href={address} target="_blank" rel="noopener noreferrer">
      Logs
    </a>
  );
};

const isHidden = (job: Job, field: string): boolean => job.hidden?.some((name) => name.startsWith(field)) ?? false;

interface BodyProps {
  readonly job: Job;
  readonly earlier: ReturnType<typeof useLives>;
  /** It is not the newest life. */
  readonly isEarlier: boolean;
}

const Body = ({ job, earlier: { lives, more }, isEarlier }: BodyProps) => (
  <>
    {isEarlier ? <EarlierLife job={job} /> : <JobActions job={job} />}
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
    <Timeline job={job} begun={lives.find(({ life }) => life === job.life - 1)?.retried ?? null} />
    <Lives lives={lives} shown={job.life} more={more} />
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
  const path = `jobs/${encodeURIComponent(id)}`;
  const asked = /^[1-9]\d{0,8}$/.exec(param("life"))?.[0] ?? null;
  const newest = useLive<Job>(path);
  const earlier = useLive<Job>(asked === null ? null : `${path}?life=${asked}`, { once: asked });
  const lives = useLives(id, newest.answer.value?.life ?? null);
  const isEarlier = asked !== null && String(newest.answer.value?.life ?? "") !== asked;
  const job = isEarlier ? earlier.answer.value : newest.answer.value;
  const trouble = (isEarlier ? earlier.trouble.value : null) ?? newest.trouble.value ?? lives.trouble.value;
  return (
    <Dialog title={job?.type ?? "Job"} beside={job !== null && <StateBadge job={job} />} class="panel" onClose={close}>
      <p class="id-line mono muted">
        {id}
        <Copy text={id} label="Copy the id" />
        {job !== null && <Logs job={job} />}
      </p>
      <Trouble text={trouble} />
      {isEarlier && earlier.trouble.value !== null && (
        <p>
          <Link page={null} params={{ life: null }} class="button">
            Show the newest life
          </Link>
        </p>
      )}
      {job !== null && <Body key={job.life} job={job} earlier={lives} isEarlier={isEarlier} />}
      {job === null && trouble === null && <Skeleton rows={5} />}
    </Dialog>
  );
};
