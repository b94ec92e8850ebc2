import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { call, isAbort, messageOf } from "../state/api.ts";
import { instant } from "../state/format.ts";
import { refresh } from "../state/live.ts";
import { bodyOf } from "../state/schedule-body.ts";
import { say } from "../state/toast.ts";
import type { Schedule, SlotPreview } from "../state/wire.ts";
import { Trouble } from "./empty.tsx";

const TYPING_MS = 400;

/** What a rule means, while it is being typed. */
const usePreview = (cron: string, timezone: string) => {
  const preview = useSignal<SlotPreview | null>(null);
  const trouble = useSignal<string | null>(null);
  useEffect(() => {
    const abort = new AbortController();
    const ask = async (): Promise<void> => {
      try {
        const body = { cron, timezone };
        preview.value = await call<SlotPreview>("POST", "schedules/preview", { body, signal: abort.signal });
        trouble.value = null;
      } catch (error) {
        if (isAbort(error)) return;
        preview.value = null;
        trouble.value = messageOf(error);
      }
    };
    const timer = setTimeout(() => void ask(), TYPING_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [cron, timezone]);
  return { preview, trouble };
};

const Slots = ({ cron, timezone }: { readonly cron: string; readonly timezone: string }) => {
  const { preview, trouble } = usePreview(cron, timezone);
  if (trouble.value !== null)
    return (
      <p class="banner warn" role="status">
        {trouble.value}
      </p>
    );
  if (preview.value === null) return null;
  return (
    <div role="status">
      <p>{preview.value.description}</p>
      <ol class="slots muted">
        {preview.value.next_slots.map((slot) => (
          <li key={slot}>
            {instant(slot, timezone)} in {timezone}, {instant(slot)} here
          </li>
        ))}
      </ol>
    </div>
  );
};

interface Fields {
  readonly name: string;
  readonly cron: string;
  readonly timezone: string;
  readonly type: string;
  readonly payload: string;
}

const fieldsOf = (schedule: Schedule | null): Fields => ({
  name: schedule?.name ?? "",
  cron: schedule?.cron ?? "0 9 * * 1-5",
  timezone: schedule?.timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
  type: schedule?.type ?? "",
  payload: JSON.stringify(schedule?.payload ?? {}, null, 2),
});

const TEXTS = [
  ["cron", "Cron rule"],
  ["timezone", "Time zone"],
  ["type", "Job type"],
] as const;

/** @param schedule - to edit; null: a new one */
export const ScheduleForm = ({
  schedule,
  onDone,
}: {
  readonly schedule: Schedule | null;
  readonly onDone: () => void;
}) => {
  const fields = useSignal<Fields>(fieldsOf(schedule));
  const trouble = useSignal<string | null>(null);
  const set = (name: keyof Fields) => (event: { readonly currentTarget: { readonly value: string } }) => {
    fields.value = { ...fields.value, [name]: event.currentTarget.value };
  };
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const { name, cron, timezone, type, payload: text } = fields.value;
    try {
      const rule = { cron, timezone, type, payload: JSON.parse(text) as unknown };
      if (schedule === null) await call("POST", "schedules", { body: { name, ...rule } });
      else await call("PUT", `schedules/${schedule.name}`, { body: { ...bodyOf(schedule), ...rule } });
      say(`${name} is set.`);
      onDone();
      void refresh();
    } catch (error) {
      trouble.value = error instanceof SyntaxError ? `The payload is not JSON: ${error.message}` : messageOf(error);
    }
  };
  return (
    <form class="settings" onSubmit={(event) => void submit(event)}>
      <Trouble text={trouble.value} />
      {schedule === null && (
        <label class="field">
          <span>Name</span>
          <input required value={fields.value.name} onInput={set("name")} />
        </label>
      )}
      {TEXTS.map(([name, label]) => (
        <label key={name} class="field">
          <span>{label}</span>
          <input required spellcheck={false} value={fields.value[name]} onInput={set(name)} />
        </label>
      ))}
      <Slots cron={fields.value.cron} timezone={fields.value.timezone} />
      <label class="field">
        <span>Payload</span>
        <textarea rows={5} spellcheck={false} value={fields.value.payload} onInput={set("payload")} />
      </label>
      <div class="actions">
        <button class="primary">{schedule === null ? "Make it" : "Save"}</button>
        <button type="button" onClick={onDone}>
          Never mind
        </button>
      </div>
    </form>
  );
};
