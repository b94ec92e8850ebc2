import { useSignal } from "@preact/signals";
import { call, messageOf } from "../state/api.ts";
import { refresh } from "../state/live.ts";
import { say } from "../state/toast.ts";
import type { Queue } from "../state/wire.ts";
import { Dialog } from "./dialog.tsx";
import { Trouble } from "./empty.tsx";

interface QueueDialogProps {
  readonly queue: Queue;
  readonly onClose: () => void;
}

/** Sends a change; closes when it was made, and says why where it was not. */
const useChange = (onClose: () => void) => {
  const trouble = useSignal<string | null>(null);
  const send = async (method: string, path: string, body: object | undefined, done: string): Promise<void> => {
    try {
      await call(method, path, body === undefined ? {} : { body });
      say(done);
      onClose();
      void refresh();
    } catch (error) {
      trouble.value = messageOf(error);
    }
  };
  return { trouble, send };
};

/** An end of the pause, counted from now. */
const ENDS = [
  ["", "until somebody resumes it"],
  ["15", "for 15 minutes"],
  ["60", "for an hour"],
  ["480", "for 8 hours"],
] as const;

export const PauseDialog = ({ queue: { name }, onClose }: QueueDialogProps) => {
  const { trouble, send } = useChange(onClose);
  const reason = useSignal("");
  const minutes = useSignal("");
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const until = new Date(Date.now() + Number(minutes.value) * 60_000).toISOString();
    const body = { ...(reason.value !== "" && { reason: reason.value }), ...(minutes.value !== "" && { until }) };
    void send("POST", `queues/${name}/pause`, body, `${name} is paused.`);
  };
  return (
    <Dialog title={`Pause ${name}`} class="small" onClose={onClose}>
      <Trouble text={trouble.value} />
      <p>No job of it starts any more. What runs goes on, and jobs can still be enqueued.</p>
      <form class="settings" onSubmit={submit}>
        <label class="field">
          <span>Reason</span>
          <input maxLength={500} value={reason.value} onInput={(event) => (reason.value = event.currentTarget.value)} />
        </label>
        <label class="field">
          <span>How long</span>
          <select value={minutes.value} onChange={(event) => (minutes.value = event.currentTarget.value)}>
            {ENDS.map(([value, label]) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </select>
        </label>
        <div class="actions">
          <button class="primary">Pause</button>
        </div>
      </form>
    </Dialog>
  );
};

const FIELDS = [
  ["max_in_flight", "Jobs in flight at most; empty: no limit"],
  ["max_pending", "Jobs that may wait at most; empty: no limit"],
  ["retention_days", "Days that finished jobs are kept"],
] as const;

const numberOf = (text: string): number | null => (text.trim() === "" ? null : Number(text));

export const LimitsDialog = ({ queue, onClose }: QueueDialogProps) => {
  const { trouble, send } = useChange(onClose);
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const given = FIELDS.map(([name]) => [name, numberOf(form.get(name) as string)] as const);
    const changed = given.filter(([name, value]) => value !== queue[name]);
    if (changed.length === 0) return onClose();
    void send("PUT", `queues/${queue.name}`, Object.fromEntries(changed), `The limits of ${queue.name} are set.`);
  };
  const back = (): void =>
    void send("DELETE", `queues/${queue.name}/limits`, undefined, `${queue.name} has the limits of the code again.`);
  return (
    <Dialog title={`Limits of ${queue.name}`} class="small" onClose={onClose}>
      <Trouble text={trouble.value} />
      <form class="settings" onSubmit={submit}>
        {FIELDS.map(([name, label]) => (
          <label key={name} class="field">
            <span>{label}</span>
            <input
              type="number"
              min="1"
              name={name}
              required={name === "retention_days"}
              defaultValue={String(queue[name] ?? "")}
            />
          </label>
        ))}
        <div class="actions">
          <button class="primary">Set</button>
          {queue.overridden.length > 0 && queue.code !== null && (
            <button type="button" onClick={back}>
              Back to the code's
            </button>
          )}
        </div>
      </form>
    </Dialog>
  );
};
