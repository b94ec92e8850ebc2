import { useSignal } from "@preact/signals";
import { call, messageOf } from "../state/api.ts";
import { refresh } from "../state/live.ts";
import { session } from "../state/session.ts";
import type { MadeKey } from "../state/wire.ts";
import { Copy } from "./copy.tsx";
import { Trouble } from "./empty.tsx";

/** What a scope allows, in short. */
const ALLOWS: Readonly<Record<string, string>> = {
  "jobs:write": "enqueue",
  "jobs:read": "see jobs, queues and schedules",
  "payloads:read": "see payloads, results and texts of errors",
  "jobs:manage": "retry, cancel, delete, pause",
  "jobs:work": "work over HTTP",
  "metrics:read": "read metrics",
  admin: "make and end keys",
};

/** Names with commas between; none is all. */
const namesOf = (text: string): string[] | null => {
  const names = text
    .split(",")
    .map((name) => name.trim())
    .filter(Boolean);
  return names.length === 0 ? null : names;
};

const Made = ({ made, onDone }: { readonly made: MadeKey; readonly onDone: () => void }) => (
  <div class="settings">
    <p role="status">The key of {made.label} is shown this once. Only its hash is kept.</p>
    <p class="made mono" tabIndex={0} aria-label="The key">
      {made.key}
    </p>
    <div class="actions">
      <Copy text={made.key} label="Copy the key">
        Copy the key
      </Copy>
      <button class="primary" onClick={onDone}>
        I have it
      </button>
    </div>
  </div>
);

/** A new key, with no more than the scopes of who makes it. */
export const KeyForm = ({ onDone }: { readonly onDone: () => void }) => {
  const label = useSignal("");
  const days = useSignal("365");
  const types = useSignal("");
  const queues = useSignal("");
  const scopes = useSignal<readonly string[]>(["jobs:write"]);
  const trouble = useSignal<string | null>(null);
  const made = useSignal<MadeKey | null>(null);
  const toggle = (scope: string): void => {
    scopes.value = scopes.value.includes(scope)
      ? scopes.value.filter((each) => each !== scope)
      : [...scopes.value, scope];
  };
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    try {
      const body = {
        ...{ label: label.value, scopes: scopes.value, types: namesOf(types.value), queues: namesOf(queues.value) },
        days: days.value === "" ? null : Number(days.value),
      };
      made.value = await call<MadeKey>("POST", "keys", { body });
      void refresh();
    } catch (error) {
      trouble.value = messageOf(error);
    }
  };
  if (made.value !== null) return <Made made={made.value} onDone={onDone} />;
  const texts = [
    ["Label: whose it is, or what for", label, true],
    ["Job types, with commas between; none is all", types, false],
    ["Queues, with commas between; none is all", queues, false],
  ] as const;
  return (
    <form class="settings" onSubmit={(event) => void submit(event)}>
      <Trouble text={trouble.value} />
      {texts.map(([text, value, required]) => (
        <label key={text} class="field">
          <span>{text}</span>
          <input
            required={required}
            spellcheck={false}
            value={value.value}
            onInput={(event) => (value.value = event.currentTarget.value)}
          />
        </label>
      ))}
      <fieldset>
        <legend>What it may do</legend>
        {(session.value?.scopes ?? []).map((scope) => (
          <label key={scope} class="check">
            <input type="checkbox" checked={scopes.value.includes(scope)} onChange={() => toggle(scope)} />
            <span>
              <code>{scope}</code> <span class="muted">{ALLOWS[scope]}</span>
            </span>
          </label>
        ))}
      </fieldset>
      <label class="field">
        <span>Days until it expires; empty is never</span>
        <input
          type="number"
          min="1"
          max="3650"
          value={days.value}
          onInput={(event) => (days.value = event.currentTarget.value)}
        />
      </label>
      <div class="actions">
        <button class="primary" disabled={scopes.value.length === 0}>
          Make the key
        </button>
        <button type="button" onClick={onDone}>
          Never mind
        </button>
      </div>
    </form>
  );
};
