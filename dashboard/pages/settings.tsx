import type { Signal } from "@preact/signals";
import { Keys } from "../parts/key-list.tsx";
import { messageOf } from "../state/api.ts";
import { capital, instant } from "../state/format.ts";
import { DENSITIES, density, interval, INTERVALS, theme, THEMES, zone, ZONES } from "../state/preferences.ts";
import { can, session, signOut } from "../state/session.ts";
import { say } from "../state/toast.ts";

interface ChoiceProps<Value extends string> {
  readonly label: string;
  readonly name: string;
  readonly options: readonly Value[];
  readonly held: Signal<Value>;
  readonly text?: (value: Value) => string;
}

const Choice = <Value extends string>({ label, name, options, held, text = capital }: ChoiceProps<Value>) => (
  <fieldset class="setting">
    <legend>{label}</legend>
    <div class="segments">
      {options.map((option) => (
        <label key={option}>
          <input
            type="radio"
            class="sr"
            name={name}
            checked={held.value === option}
            onChange={() => (held.value = option)}
          />
          {text(option)}
        </label>
      ))}
    </div>
  </fieldset>
);

/** What this browser shows, and who is signed in. */
export const Settings = () => {
  const { id, scopes, types, queues, expires_at } = session.value ?? {
    id: "",
    scopes: [],
    types: null,
    queues: null,
    expires_at: null,
  };
  return (
    <>
      <section class="card" aria-labelledby="view-title">
        <header>
          <h2 id="view-title">This browser</h2>
        </header>
        <div class="settings pad">
          <Choice label="Theme" name="theme" options={THEMES} held={theme} />
          <Choice
            label="Times"
            name="zone"
            options={ZONES}
            held={zone}
            text={(value) => (value === "utc" ? "UTC" : "Local")}
          />
          <Choice label="Rows" name="density" options={DENSITIES} held={density} />
          <Choice
            label="Ask the server every"
            name="interval"
            options={INTERVALS}
            held={interval}
            text={(seconds) => `${seconds} s`}
          />
        </div>
      </section>
      <section class="card" aria-labelledby="session-title">
        <header>
          <h2 id="session-title">This session</h2>
        </header>
        <div class="pad settings">
          <p>
            Signed in with the key <b>{id}</b>
            {expires_at !== null && `, until ${instant(expires_at)}`}.
          </p>
          <p class="muted wrap">
            Scopes: {scopes.join(", ")}. Types: {types?.join(", ") ?? "all"}. Queues: {queues?.join(", ") ?? "all"}.
          </p>
          <div class="actions">
            <button onClick={() => void signOut().catch((error: unknown) => say(messageOf(error)))}>Sign out</button>
          </div>
        </div>
      </section>
      {can("admin") && types === null && queues === null && <Keys />}
    </>
  );
};
