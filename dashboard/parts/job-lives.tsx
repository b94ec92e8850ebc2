import { useSignal } from "@preact/signals";
import { call, messageOf } from "../state/api.ts";
import { useLive } from "../state/live.ts";
import { plural } from "../state/format.ts";
import { say } from "../state/toast.ts";
import type { Job, Life, LifePage } from "../state/wire.ts";
import { Link } from "./link.tsx";
import { StateBadge } from "./state-badge.tsx";
import { Time } from "./time.tsx";

/** The lives before a job's newest, newest first; they don't change, so that they are asked for once. */
export const useLives = (id: string, newest: number | null) => {
  const path = newest !== null && newest > 1 ? `jobs/${encodeURIComponent(id)}/lives?limit=20` : null;
  const { answer, trouble } = useLive<LifePage>(path, { once: newest });
  const below = useSignal<readonly Life[]>([]);
  const cursor = useSignal<string | null | undefined>(undefined);
  const next = cursor.value === undefined ? (answer.value?.next_cursor ?? null) : cursor.value;
  const more = async (): Promise<void> => {
    try {
      const page = await call<LifePage>("GET", `${path}&cursor=${encodeURIComponent(next ?? "")}`);
      below.value = [...below.value, ...page.data];
      cursor.value = page.next_cursor;
    } catch (error) {
      say(messageOf(error));
    }
  };
  return { lives: [...(answer.value?.data ?? []), ...below.value], trouble, more: next === null ? null : more };
};

/** Who began the life after this one, and when. */
const Retried = ({ retried }: { readonly retried: Life["retried"] }) =>
  retried === undefined ? null : (
    <p class="muted">
      <span>
        Retried <Time at={retried.at} /> by {retried.by}
      </span>
    </p>
  );

const LifeRow = ({ life, shown }: { readonly life: Life; readonly shown: boolean }) => (
  <li class={shown ? "on" : ""}>
    <p>
      <Link page={null} params={{ life: String(life.life) }} class="row-link" aria-current={shown ? "true" : undefined}>
        Life {life.life}
      </Link>
      <StateBadge job={life} />
      <span class="muted">
        after {plural(life.attempt, "attempt")}, {life.finished_at !== null && <Time at={life.finished_at} />}
      </span>
    </p>
    {life.error !== null && life.state !== "completed" && (
      <p class="err">
        <b>{life.error.name}</b> {life.error.message}
      </p>
    )}
    <Retried retried={life.retried} />
  </li>
);

interface LivesProps {
  readonly lives: readonly Life[];
  /** The one that the panel shows. */
  readonly shown: number;
  readonly more: (() => Promise<void>) | null;
}

/** Earlier lives, each a link to all that is kept of it. */
export const Lives = ({ lives, shown, more }: LivesProps) =>
  lives.length === 0 ? null : (
    <section aria-labelledby="lives-title">
      <h3 id="lives-title">Earlier lives</h3>
      <ol class="lives">
        {lives.map((life) => (
          <LifeRow key={life.life} life={life} shown={life.life === shown} />
        ))}
      </ol>
      {more !== null && (
        <button class="link" onClick={() => void more()}>
          Show earlier lives
        </button>
      )}
    </section>
  );

/** Says that this is not how the job is now. */
export const EarlierLife = ({ job }: { readonly job: Job }) => (
  <p class="banner warn actions" role="note">
    <span>
      Life {job.life} of this job, as it ended
      {job.retried !== undefined && (
        <>
          . Retried <Time at={job.retried.at} /> by <b class="wrap">{job.retried.by}</b>
        </>
      )}
      .
    </span>
    <Link page={null} params={{ life: null }} class="button">
      Show the newest life
    </Link>
  </p>
);
