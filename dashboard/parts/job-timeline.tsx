import { useSignal } from "@preact/signals";
import { call, messageOf } from "../state/api.ts";
import { now } from "../state/clock.ts";
import { timelineOf } from "../state/timeline.ts";
import { say } from "../state/toast.ts";
import type { Attempt, Job } from "../state/wire.ts";
import { Time } from "./time.tsx";

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
      const path = `jobs/${job.id}/attempts?limit=100&life=${job.life}`;
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

interface TimelineProps {
  readonly job: Job;
  /** The retry by hand that began this life; null where it is not known. */
  readonly begun: Job["retried"] | null;
}

/** What happened to a job in one of its lives. */
export const Timeline = ({ job, begun }: TimelineProps) => {
  const { earlier, more, load } = useEarlier(job);
  const steps = timelineOf(job, now.value, { earlier: earlier.value, begun: begun ?? null });
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
