import { useSignal } from "@preact/signals";
import { Share } from "../charts/spark.tsx";
import { Throughput, Waits } from "../charts/throughput.tsx";
import { Empty, Skeleton, Trouble } from "../parts/empty.tsx";
import { Link } from "../parts/link.tsx";
import { LimitsDialog, PauseDialog } from "../parts/queue-dialogs.tsx";
import { Segments } from "../parts/segments.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { Time } from "../parts/time.tsx";
import { param } from "../state/address.ts";
import { call, messageOf } from "../state/api.ts";
import { compact, count, duration, instant } from "../state/format.ts";
import { refresh, useLive } from "../state/live.ts";
import { can } from "../state/session.ts";
import { say } from "../state/toast.ts";
import type { Queue, Stats } from "../state/wire.ts";
import { isWindow, WINDOWS } from "../state/windows.ts";

interface QueuePage {
  readonly data: readonly Queue[];
  readonly next_cursor: string | null;
}

const resume = async (name: string): Promise<void> => {
  try {
    await call("POST", `queues/${name}/resume`);
    say(`${name} goes on.`);
  } catch (error) {
    say(messageOf(error));
  }
  void refresh();
};

type Open = { readonly what: "pause" | "limits"; readonly queue: Queue } | null;

const Slots = ({ queue: { in_flight, max_in_flight } }: { readonly queue: Queue }) =>
  max_in_flight === null ? (
    <>{count(in_flight)}, no limit</>
  ) : (
    <>
      {count(in_flight)} of {count(max_in_flight)}
      <Share part={in_flight / max_in_flight} class={`meter ${in_flight >= max_in_flight ? "full" : ""}`} />
    </>
  );

const Pause = ({ queue }: { readonly queue: Queue }) => {
  if (!queue.paused) return null;
  const { reason = null, until = null } = queue.pause ?? {};
  return (
    <div class="muted wrap">
      <span class="state paused">paused</span> {reason}
      {until !== null && (
        <>
          {" "}
          until <Time at={until} />
        </>
      )}
    </div>
  );
};

const Actions = ({ queue, onOpen }: { readonly queue: Queue; readonly onOpen: (open: Open) => void }) => (
  <div class="actions">
    {queue.paused ? (
      <button onClick={() => void resume(queue.name)} aria-label={`Resume ${queue.name}`}>
        Resume
      </button>
    ) : (
      <button onClick={() => onOpen({ what: "pause", queue })} aria-label={`Pause ${queue.name}`}>
        Pause
      </button>
    )}
    <button onClick={() => onOpen({ what: "limits", queue })} aria-label={`Limits of ${queue.name}`}>
      Limits
    </button>
  </div>
);

const mostOf = ({ capped }: Queue): string => (capped ? "+" : "");

const Jobs = ({ queue, state }: { readonly queue: Queue; readonly state: "pending" | "scheduled" | "dead" }) => (
  <Link page="jobs" params={{ state, q: `queue:${queue.name}` }}>
    {compact(queue.jobs[state])}
    {state !== "dead" && mostOf(queue)}
  </Link>
);

const columnsOf = (onOpen: (open: Open) => void): readonly (Column<Queue> | false)[] => [
  {
    head: "Queue",
    cell: (queue) => (
      <>
        <Link page="queues" params={{ queue: queue.name }}>
          {queue.name}
        </Link>
        <Pause queue={queue} />
      </>
    ),
  },
  { head: "Slots", cell: (queue) => <Slots queue={queue} /> },
  { head: "Pending", kind: "num", cell: (queue) => <Jobs queue={queue} state="pending" /> },
  {
    head: "Behind",
    kind: "num",
    cell: ({ oldest_pending_age_seconds: age }) => (age === null ? "–" : duration(age * 1_000)),
  },
  { head: "Scheduled", kind: "num", cell: (queue) => <Jobs queue={queue} state="scheduled" /> },
  { head: "Dead", kind: "num", cell: (queue) => <Jobs queue={queue} state="dead" /> },
  {
    head: "Done a minute",
    kind: "num",
    cell: ({ per_minute: rate }) => (rate === null ? "–" : compact(rate.completed)),
  },
  can("jobs:manage") && {
    head: "Actions",
    kind: "actions",
    cell: (queue) => <Actions queue={queue} onOpen={onOpen} />,
  },
];

const nameOf = ({ name }: Queue): string => name;

const LIMITS = [
  ["max_in_flight", "Jobs in flight"],
  ["max_pending", "Jobs that may wait"],
  ["retention_days", "Days that finished jobs are kept"],
] as const;

const limitText = (limit: number | null): string => (limit === null ? "no limit" : count(limit));

type Limit = (typeof LIMITS)[number];

const limitColumns = (queue: Queue): readonly Column<Limit>[] => [
  { head: "Limit", cell: ([, label]) => label },
  {
    head: "Now",
    kind: "num",
    cell: ([name]) => (
      <>
        {limitText(queue[name])}
        {queue.overridden.includes(name) && <span class="muted"> by an operator</span>}
      </>
    ),
  },
  { head: "In the code", kind: "num", cell: ([name]) => (queue.code === null ? "–" : limitText(queue.code[name])) },
];

const Limits = ({ queue }: { readonly queue: Queue }) => (
  <section class="card" aria-labelledby="limits-title">
    <header>
      <h2 id="limits-title">Limits</h2>
      <span class="muted">{queue.declared ? "declared in the code" : "declared by an operator"}</span>
    </header>
    <Table label="limits" columns={limitColumns(queue)} rows={LIMITS} keyOf={([name]) => name} />
    {queue.pause !== null && (
      <p class="pad">
        Paused{queue.pause.since !== null && ` since ${instant(queue.pause.since)}`}
        {queue.pause.reason !== null && `: ${queue.pause.reason}`}
      </p>
    )}
  </section>
);

const OneQueue = ({ name, onOpen }: { readonly name: string; readonly onOpen: (open: Open) => void }) => {
  const asked = param("window");
  const shown = isWindow(asked) ? asked : "1h";
  const queue = useLive<Queue>(`queues/${encodeURIComponent(name)}`);
  const stats = useLive<Stats>(`stats?window=${shown}&queue=${encodeURIComponent(name)}`, { essence: () => 0 });
  const points = stats.answer.value?.points;
  const { windowText, stepText } = WINDOWS[shown];
  return (
    <>
      <p>
        <Link page="queues">All queues</Link>
      </p>
      <Trouble text={queue.trouble.value ?? stats.trouble.value} />
      {queue.answer.value !== null && (
        <section class="card" aria-label={`Queue ${name}`}>
          <Table label={`queue ${name}`} columns={columnsOf(onOpen)} rows={[queue.answer.value]} keyOf={nameOf} />
        </section>
      )}
      {points === undefined && stats.trouble.value === null && <Skeleton />}
      {points !== undefined && (
        <>
          <Throughput
            {...{ points, windowText, stepText }}
            controls={
              <Segments label="Window" name="window" options={Object.keys(WINDOWS)} shown={shown} fallback="1h" />
            }
          />
          <Waits {...{ points, windowText, stepText }} />
        </>
      )}
      {queue.answer.value !== null && <Limits queue={queue.answer.value} />}
    </>
  );
};

const AllQueues = ({ onOpen }: { readonly onOpen: (open: Open) => void }) => {
  const { answer, trouble } = useLive<QueuePage>("queues?limit=100");
  const page = answer.value;
  return (
    <section class="card" aria-label="Queues">
      <Trouble text={trouble.value} />
      {page === null && trouble.value === null && <Skeleton />}
      {page?.data.length === 0 && (
        <Empty icon="queues" title="There are no queues">
          <p>Each type of job that the code declares has one, once its definitions are in the database:</p>
          <pre>npx forgeq migrate</pre>
        </Empty>
      )}
      {page !== null && page.data.length > 0 && (
        <Table label="queues" columns={columnsOf(onOpen)} rows={page.data} keyOf={nameOf} />
      )}
      {page?.next_cursor != null && (
        <p class="pad muted">The first 100 by name are shown. Open others by their name: ?page=queues&amp;queue=NAME</p>
      )}
    </section>
  );
};

/** Queues: what waits in them, how much they may do, and who stopped them. */
export const Queues = () => {
  const open = useSignal<Open>(null);
  const onOpen = (next: Open): void => void (open.value = next);
  const name = param("queue");
  const close = (): void => void (open.value = null);
  return (
    <>
      {name === "" ? <AllQueues onOpen={onOpen} /> : <OneQueue key={name} name={name} onOpen={onOpen} />}
      {open.value?.what === "pause" && <PauseDialog queue={open.value.queue} onClose={close} />}
      {open.value?.what === "limits" && <LimitsDialog queue={open.value.queue} onClose={close} />}
    </>
  );
};
