import { useSignal } from "@preact/signals";
import { Copy } from "../parts/copy.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { Empty, Skeleton, Trouble } from "../parts/empty.tsx";
import { Json } from "../parts/json.tsx";
import { Link } from "../parts/link.tsx";
import { ScheduleForm } from "../parts/schedule-form.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { Time } from "../parts/time.tsx";
import { param, patch } from "../state/address.ts";
import { call, messageOf } from "../state/api.ts";
import { now } from "../state/clock.ts";
import { instant } from "../state/format.ts";
import { refresh, useLive } from "../state/live.ts";
import { bodyOf } from "../state/schedule-body.ts";
import { can } from "../state/session.ts";
import { say } from "../state/toast.ts";
import type { Job, Schedule, ScheduleList } from "../state/wire.ts";

type Listed = ScheduleList["data"][number];

const trigger = async (name: string): Promise<void> => {
  try {
    const job = await call<Job>("POST", `schedules/${name}/trigger`);
    say(`${name} has enqueued a job.`);
    patch({ job: job.id });
  } catch (error) {
    say(messageOf(error));
  }
};

const setPaused = async (schedule: Listed, paused: boolean): Promise<void> => {
  try {
    await call("PUT", `schedules/${schedule.name}`, { body: { ...bodyOf(schedule), paused } });
    say(paused ? `${schedule.name} is paused.` : `${schedule.name} goes on.`);
    void refresh();
  } catch (error) {
    say(messageOf(error));
  }
};

const mayWrite = (): boolean => can("jobs:manage") && can("jobs:write");

const Actions = ({ schedule }: { readonly schedule: Listed }) => (
  <div class="actions">
    <button onClick={() => void trigger(schedule.name)} aria-label={`Trigger ${schedule.name}`}>
      Trigger
    </button>
    <button
      onClick={() => void setPaused(schedule, !schedule.paused)}
      aria-label={`${schedule.paused ? "Resume" : "Pause"} ${schedule.name}`}
    >
      {schedule.paused ? "Resume" : "Pause"}
    </button>
  </div>
);

const OVERDUE_MS = 3 * 60_000;

/** A slot that has passed and was not fired is wrong, and not just a time. */
const NextSlot = ({ schedule: { paused, next_slot_at: at } }: { readonly schedule: Listed }) => {
  if (at === null) return <>none</>;
  if (paused || now.value - Date.parse(at) < OVERDUE_MS) return <Time at={at} />;
  return (
    <>
      <span class="state dead">overdue</span> <Time at={at} />
    </>
  );
};

const columns = (): readonly (Column<Listed> | false)[] => [
  {
    head: "Schedule",
    cell: ({ name, paused, declared }) => (
      <>
        <Link page={null} params={{ schedule: name }}>
          {name}
        </Link>
        {paused && <span class="state paused">paused</span>}
        <div class="muted">{declared ? "declared in the code" : "made by an operator"}</div>
      </>
    ),
  },
  {
    head: "Rule",
    cell: ({ cron, timezone }) => (
      <>
        <code>{cron}</code>
        <div class="muted">{timezone}</div>
      </>
    ),
  },
  { head: "Type", class: "wrap", cell: ({ type }) => type },
  { head: "Last slot", cell: ({ last_slot_at: at }) => (at === null ? "never" : <Time at={at} />) },
  { head: "Next slot", cell: (schedule) => <NextSlot schedule={schedule} /> },
  mayWrite() && { head: "Actions", kind: "actions", cell: (schedule) => <Actions schedule={schedule} /> },
];

const Details = ({ schedule }: { readonly schedule: Schedule }) => {
  const editing = useSignal(false);
  const remove = async (): Promise<void> => {
    try {
      await call("DELETE", `schedules/${schedule.name}`);
      say(`${schedule.name} is removed.`);
      patch({ schedule: null });
      void refresh();
    } catch (error) {
      say(messageOf(error));
    }
  };
  const removing = useSignal(false);
  if (editing.value) return <ScheduleForm schedule={schedule} onDone={() => (editing.value = false)} />;
  return (
    <>
      <p>
        {schedule.description}, {schedule.timezone}. Overlap: {schedule.overlap.replace("_", " ")}; missed slots:{" "}
        {schedule.catch_up}.
      </p>
      {mayWrite() && <Actions schedule={schedule} />}
      {mayWrite() && !schedule.declared && (
        <div class="actions">
          <button onClick={() => (editing.value = true)}>Edit</button>
          <button class="danger" onClick={() => (removing.value ? void remove() : (removing.value = true))}>
            {removing.value ? "Remove it for good" : "Remove"}
          </button>
        </div>
      )}
      <section>
        <h3>Next slots</h3>
        <ol class="slots">
          {schedule.next_slots.map((slot) => (
            <li key={slot}>
              {instant(slot, schedule.timezone)} in {schedule.timezone}, {instant(slot)} here
            </li>
          ))}
        </ol>
      </section>
      <Json title="Payload" value={schedule.payload} hidden={schedule.hidden?.includes("payload") ?? false} />
    </>
  );
};

const ScheduleDialog = ({ name }: { readonly name: string }) => {
  const { answer, trouble } = useLive<Schedule>(`schedules/${encodeURIComponent(name)}`);
  return (
    <Dialog
      title={name}
      beside={<Copy text={name} label="Copy the name" />}
      class="panel"
      onClose={() => patch({ schedule: null })}
    >
      <Trouble text={trouble.value} />
      {answer.value !== null && <Details schedule={answer.value} />}
      {answer.value === null && trouble.value === null && <Skeleton rows={4} />}
    </Dialog>
  );
};

/** Schedules: when they enqueue a job, and when they did. */
export const Schedules = () => {
  const { answer, trouble } = useLive<ScheduleList>("schedules");
  const making = useSignal(false);
  const list = answer.value?.data ?? null;
  const isCut = (answer.value?.next_cursor ?? null) !== null;
  const name = param("schedule");
  return (
    <>
      <section class="card" aria-label="Schedules">
        <header>
          <h2>Rules</h2>
          {mayWrite() && (
            <span class="end">
              <button onClick={() => (making.value = true)}>New schedule</button>
            </span>
          )}
        </header>
        <Trouble text={trouble.value} />
        {list === null && trouble.value === null && <Skeleton />}
        {list?.length === 0 && (
          <Empty icon="schedules" title="There are no schedules">
            <p>Declare one beside its handler with defineSchedule, or make one here.</p>
          </Empty>
        )}
        {list !== null && list.length > 0 && (
          <Table label="schedules" columns={columns()} rows={list} keyOf={({ name: of }) => of} />
        )}
        {isCut && (
          <p class="pad muted">
            The first {list?.length} by name are shown. Open others by their name: ?page=schedules&amp;schedule=NAME
          </p>
        )}
      </section>
      {name !== "" && <ScheduleDialog key={name} name={name} />}
      {making.value && (
        <Dialog title="New schedule" onClose={() => (making.value = false)}>
          <ScheduleForm schedule={null} onDone={() => (making.value = false)} />
        </Dialog>
      )}
    </>
  );
};
