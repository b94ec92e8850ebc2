import { now } from "../state/clock.ts";
import { duration, shortId } from "../state/format.ts";
import { hasEnded, type ListedJob } from "../state/wire.ts";
import { Link } from "./link.tsx";
import { StateBadge } from "./state-badge.tsx";
import { Time } from "./time.tsx";

/** The instant that matters in a job's state. */
const whenOf = ({ finished_at, started_at, run_at, state }: ListedJob): string =>
  finished_at ?? (state === "running" ? started_at : null) ?? run_at;

const tookOf = ({ started_at, finished_at, state }: ListedJob): string => {
  if (started_at === null) return "";
  if (finished_at !== null) return duration(Date.parse(finished_at) - Date.parse(started_at));
  return state === "running" ? duration(now.value - Date.parse(started_at)) : "";
};

const MOST_CHARACTERS = 160;

const Detail = ({ job }: { readonly job: ListedJob }) => {
  if (job.progress !== null)
    return (
      <span class="mini">
        <progress max={1} value={job.progress.fraction} aria-label="Progress" />
        {(job.progress.note ?? `${Math.round(job.progress.fraction * 100)} %`).slice(0, MOST_CHARACTERS)}
      </span>
    );
  if (job.error !== null && job.state !== "completed")
    return (
      <span class="err">
        <b>{job.error.name}</b> {job.error.message?.slice(0, MOST_CHARACTERS)}
      </span>
    );
  if (job.unique_key !== null) return <span class="mono muted">{job.unique_key}</span>;
  return null;
};

interface RowProps {
  readonly job: ListedJob;
  readonly selected: boolean;
  /** It no longer belongs to what the list asks for. */
  readonly left: boolean;
  /** Null: nothing can be selected. */
  readonly onSelect: ((id: string, range: boolean) => void) | null;
}

export const JobRow = ({ job, selected, left, onSelect }: RowProps) => (
  <tr class={selected ? "on" : ""} data-row={job.id}>
    {onSelect !== null && (
      <td class="c">
        <label>
          <input
            type="checkbox"
            checked={selected}
            aria-label={`Select ${job.type} ${shortId(job.id)}`}
            onClick={({ shiftKey }) => onSelect(job.id, shiftKey)}
          />
        </label>
      </td>
    )}
    <td class="s">{left ? <span class="muted">has moved on</span> : <StateBadge job={job} />}</td>
    <td class="what">
      <Link page={null} params={{ job: job.id }} class="row-link">
        {job.type}
      </Link>
      <span class="mono">{shortId(job.id)}</span>
    </td>
    <td class="q">{job.queue}</td>
    <td class="a num">
      {job.attempt}
      <span class="muted">/{job.max_attempts}</span>
    </td>
    <td class="t">
      <Time at={whenOf(job)} />
    </td>
    <td class="took num">{tookOf(job)}</td>
    <td class="d">
      <Detail job={job} />
    </td>
  </tr>
);

export const countEnded = (jobs: readonly ListedJob[]): number => jobs.filter(hasEnded).length;
