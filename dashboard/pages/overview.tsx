import { useSignal } from "@preact/signals";
import { Spark, Share } from "../charts/spark.tsx";
import { Throughput, Waits } from "../charts/throughput.tsx";
import { Empty, Skeleton, Trouble } from "../parts/empty.tsx";
import { Icon } from "../parts/icons.tsx";
import { Link } from "../parts/link.tsx";
import { QueueTable } from "../parts/queue-table.tsx";
import { Segments } from "../parts/segments.tsx";
import { Time } from "../parts/time.tsx";
import type { Params } from "../state/address.ts";
import { param } from "../state/address.ts";
import { now } from "../state/clock.ts";
import { compact, count, duration, moment, plural, relative } from "../state/format.ts";
import { useLive } from "../state/live.ts";
import { FAILING_SHARE, type Problem, problemsOf } from "../state/overview.ts";
import type { ErrorList, Overview, Stats } from "../state/wire.ts";
import { isWindow, WINDOWS, type WindowName } from "../state/windows.ts";

interface TileProps {
  readonly label: string;
  readonly value: string;
  readonly note: string;
  readonly tone?: "" | "warn" | "bad";
  readonly page: string;
  readonly params?: Params;
  readonly spark?: readonly number[];
  readonly sparkClass?: string;
}

const Tile = ({ label, value, note, tone = "", page, params, spark, sparkClass }: TileProps) => (
  <li class={`tile ${tone}`}>
    <Link page={page} {...(params !== undefined && { params })}>
      <span class="label">{label}</span>
      <strong>{value}</strong>
      {spark !== undefined && <Spark values={spark} class={sparkClass ?? ""} />}
      <span class="note">{note}</span>
    </Link>
  </li>
);

const LATE_SECONDS = 60;

const rateTiles = ({ per_minute, points }: Overview): readonly TileProps[] => {
  const { enqueued = 0, completed = 0, failed = 0 } = per_minute ?? {};
  // The minute that has just begun would look like an end.
  const whole = points.slice(0, -1);
  const share = completed + failed > 0 ? failed / (completed + failed) : 0;
  return [
    {
      label: "Completed a minute",
      value: compact(completed),
      note: `${compact(enqueued)} enqueued`,
      page: "jobs",
      params: { state: "completed" },
      spark: whole.map((point) => point.completed),
      sparkClass: "completed",
    },
    {
      label: "Attempts that fail",
      value: `${(share * 100).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`,
      note: `${compact(failed)} a minute`,
      tone: share > FAILING_SHARE ? "warn" : "",
      page: "failures",
      spark: whole.map((point) => point.failed),
    },
  ];
};

/** What is due already waits for somebody to take it. */
const nextOf = (at: string | null, nowMs: number): string => {
  if (at === null) return "nothing planned";
  return Date.parse(at) <= nowMs ? "next is due" : `next ${relative(Date.parse(at), nowMs)}`;
};

const stateTiles = ({ totals, last_hour, next_event_at }: Overview, nowMs: number): readonly TileProps[] => {
  const { oldest_pending_age_seconds: oldest, capped } = totals;
  const most = (n: number): string => `${compact(n)}${capped ? "+" : ""}`;
  return [
    {
      label: "Pending",
      value: most(totals.pending),
      note: oldest === null ? "none waits" : `oldest waits ${duration(oldest * 1_000)}`,
      tone: (oldest ?? 0) > LATE_SECONDS ? "warn" : "",
      page: "jobs",
      params: { state: "pending" },
    },
    {
      label: "Running",
      value: compact(totals.in_flight),
      note: totals.max_in_flight === null ? "in all queues" : `of ${compact(totals.max_in_flight)} slots`,
      page: "running",
    },
    {
      label: "Scheduled",
      value: most(totals.scheduled),
      note: nextOf(next_event_at, nowMs),
      page: "jobs",
      params: { state: "scheduled" },
    },
    {
      label: "Dead",
      value: compact(totals.dead),
      note: last_hour.dead > 0 ? `${count(last_hour.dead)} in the last hour` : "none in the last hour",
      tone: last_hour.dead > 0 ? "bad" : "",
      page: "dead",
    },
  ];
};

const Failures = ({ errors }: { readonly errors: ErrorList }) => {
  const most = errors.data[0]?.attempts ?? 1;
  return (
    <section class="card" aria-labelledby="failures-title">
      <header>
        <h2 id="failures-title">
          <Link page="failures">Failures</Link>
        </h2>
        <span class="muted">last hour, by error</span>
      </header>
      {errors.data.length === 0 ? (
        <p class="muted pad">No attempt has failed in the last hour.</p>
      ) : (
        <ol class="groups">
          {errors.data.slice(0, 5).map((group) => (
            <li key={group.fingerprint}>
              <Link page="jobs" params={{ q: `error:${group.fingerprint}` }} title={group.example ?? group.name}>
                <b>{group.name}</b> <span>{group.example ?? group.message}</span>
              </Link>
              <Share part={group.attempts / most} />
              <small>
                {plural(group.attempts, "failed attempt")} of {plural(group.jobs, "job")}
                {group.dead > 0 && <em>{count(group.dead)} dead</em>}
                <Time at={group.last_at} />
              </small>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
};

const WindowPicker = ({ shown }: { readonly shown: WindowName }) => (
  <Segments label="Window" name="window" options={Object.keys(WINDOWS)} shown={shown} fallback="1h" />
);

const OverTime = ({ overview }: { readonly overview: Overview }) => {
  const asked = param("window");
  const shown: WindowName = isWindow(asked) ? asked : "1h";
  // The last hour comes with the overview; the rest is asked for.
  const { answer, trouble } = useLive<Stats>(shown === "1h" ? null : `stats?window=${shown}`, { essence: () => 0 });
  const points = shown === "1h" ? overview.points : answer.value?.points;
  const { windowText, stepText } = WINDOWS[shown];
  const controls = <WindowPicker shown={shown} />;
  return (
    <>
      <Trouble text={trouble.value} />
      <div class="row">
        {points === undefined ? (
          <div class="card chart wait" />
        ) : (
          <Throughput {...{ points, windowText, stepText, controls }} />
        )}
        <Failures errors={overview.errors} />
      </div>
      <div class="row">
        {points === undefined ? <div class="card chart wait" /> : <Waits {...{ points, windowText, stepText }} />}
        <section class="card" aria-labelledby="queues-title">
          <header>
            <h2 id="queues-title">
              <Link page="queues">Queues</Link>
            </h2>
            <span class="muted">the most behind first</span>
          </header>
          <QueueTable queues={overview.queues.slice(0, 6)} />
        </section>
      </div>
    </>
  );
};

const Row = ({ problem }: { readonly problem: Problem }) => {
  const { tone, subject, text, detail, sinceMs, orLonger, page, params, linkText } = problem;
  return (
    <li class={tone}>
      <Icon name={tone === "bad" ? "dead" : "failures"} />
      <p>
        <b>{subject}</b>
        {text}
        {detail !== undefined && <span class="muted">: {detail}</span>}
      </p>
      <div class="to">
        <p class="since">
          {sinceMs !== null && (
            <>
              since {moment(sinceMs, now.value)}
              {orLonger ? " or longer" : ""}, <Time at={sinceMs} />
            </>
          )}
        </p>
        <Link page={page} params={params} class="button" aria-label={`${linkText}: ${subject}`}>
          {linkText}
        </Link>
      </div>
    </li>
  );
};

const MOST_PROBLEMS = 6;

/** What is broken, since when, and a way to its jobs. */
const Problems = ({ problems }: { readonly problems: readonly Problem[] }) => {
  const all = useSignal(false);
  if (problems.length === 0) return null;
  const shown = all.value ? problems : problems.slice(0, MOST_PROBLEMS);
  return (
    <section class="card problems" aria-labelledby="problems-title">
      <header>
        <h2 id="problems-title">What is wrong</h2>
        <span class="muted">the worst first</span>
      </header>
      <ul>
        {shown.map((problem) => (
          <Row key={`${problem.subject} ${problem.params["q"] ?? ""}`} problem={problem} />
        ))}
      </ul>
      {problems.length > shown.length && (
        <button class="link" onClick={() => (all.value = true)}>
          Show {plural(problems.length - shown.length, "more problem")}
        </button>
      )}
    </section>
  );
};

/** Whether there is nothing at all: nobody has enqueued a job, or it was long ago. */
const isUnused = ({ totals, last_hour }: Overview): boolean =>
  totals.pending + totals.scheduled + totals.in_flight + totals.dead + last_hour.enqueued + last_hour.completed === 0;

/** What is broken, since when, and which jobs. */
export const OverviewPage = ({ overview }: { readonly overview: Overview | null }) => {
  if (overview === null) return <Skeleton />;
  return (
    <>
      <Problems problems={problemsOf(overview)} />
      {isUnused(overview) && (
        <section class="card" aria-label="No jobs">
          <Empty icon="jobs" title="No job waits, runs or has failed, and none came in the last hour">
            <p>Enqueue one, and see it here:</p>
            <pre>{`npx forgeq enqueue --type send_email --payload '{"email":"test@example.com"}'`}</pre>
          </Empty>
        </section>
      )}
      <ul class="tiles">
        {[...rateTiles(overview), ...stateTiles(overview, now.value)].map((tile) => (
          <Tile key={tile.label} {...tile} />
        ))}
      </ul>
      <OverTime overview={overview} />
    </>
  );
};
