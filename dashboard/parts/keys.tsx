import { useSignal } from "@preact/signals";
import { call, messageOf } from "../state/api.ts";
import { refresh, useLive } from "../state/live.ts";
import { say } from "../state/toast.ts";
import type { StoredKey } from "../state/wire.ts";
import { Copy } from "./copy.tsx";
import { Dialog } from "./dialog.tsx";
import { Empty, Skeleton, Trouble } from "./empty.tsx";
import { Time } from "./time.tsx";

const SCOPES = [
  "jobs:read",
  "payloads:read",
  "metrics:read",
  "jobs:write",
  "jobs:manage",
  "jobs:work",
  "admin",
] as const;

const NewKey = ({ onDone }: { readonly onDone: () => void }) => {
  const trouble = useSignal<string | null>(null);
  const made = useSignal<string | null>(null);
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const days = form.get("days") as string;
    const body = { label: form.get("label"), scopes: form.getAll("scope"), ...(days !== "" && { days: Number(days) }) };
    try {
      made.value = (await call<{ readonly key: string }>("POST", "keys", { body })).key;
      void refresh();
    } catch (error) {
      trouble.value = messageOf(error);
    }
  };
  if (made.value !== null)
    return (
      <>
        <p>Copy the key now: it is shown this once, and kept nowhere.</p>
        <p class="mono wrap">
          {made.value}
          <Copy text={made.value} label="Copy the key" />
        </p>
        <div class="actions">
          <button class="primary" onClick={onDone}>
            I have it
          </button>
        </div>
      </>
    );
  return (
    <form class="settings" onSubmit={(event) => void submit(event)}>
      <Trouble text={trouble.value} />
      <label class="field">
        <span>Label</span>
        <input name="label" required maxLength={100} />
      </label>
      <fieldset>
        <legend>Scopes</legend>
        {SCOPES.map((scope) => (
          <label key={scope} class="check">
            <input type="checkbox" name="scope" value={scope} defaultChecked={scope === "jobs:read"} />
            {scope}
          </label>
        ))}
      </fieldset>
      <label class="field">
        <span>Days until it expires; empty: never</span>
        <input type="number" name="days" min="1" />
      </label>
      <div class="actions">
        <button class="primary">Make the key</button>
      </div>
    </form>
  );
};

const revoke = async ({ id }: StoredKey): Promise<void> => {
  try {
    await call("DELETE", `keys/${id}`);
    say(`The key ${id} is revoked; its sessions end within a minute.`);
    void refresh();
  } catch (error) {
    say(messageOf(error));
  }
};

const KeyRow = ({ stored }: { readonly stored: StoredKey }) => {
  const asking = useSignal(false);
  const { id, label, scopes, created_at, expires_at, revoked_at, last_used_on } = stored;
  return (
    <tr>
      <th scope="row" class="wrap">
        {label ?? id}
        <div class="muted mono">{id}</div>
      </th>
      <td class="wrap" data-label="Scopes">
        {scopes.join(", ")}
      </td>
      <td data-label="Made">
        <Time at={created_at} />
      </td>
      <td data-label="Expires">{expires_at === null ? "never" : <Time at={expires_at} />}</td>
      <td data-label="Last used">{last_used_on ?? "never"}</td>
      <td class="wide">
        {revoked_at === null ? (
          <button class="danger" onClick={() => (asking.value ? void revoke(stored) : (asking.value = true))}>
            {asking.value ? `Revoke ${label ?? id} for good` : "Revoke"}
          </button>
        ) : (
          <span class="muted">revoked</span>
        )}
      </td>
    </tr>
  );
};

/** The keys of the database. Those of the environment are not here: they are changed where they are set. */
export const Keys = () => {
  const { answer, trouble } = useLive<{ readonly data: readonly StoredKey[] }>("keys");
  const making = useSignal(false);
  const keys = answer.value?.data ?? null;
  return (
    <section class="card" aria-labelledby="keys-title">
      <header>
        <h2 id="keys-title">API keys</h2>
        <span class="legend">
          <button onClick={() => (making.value = true)}>New key</button>
        </span>
      </header>
      <Trouble text={trouble.value} />
      {keys === null && trouble.value === null && <Skeleton rows={3} />}
      {keys?.length === 0 && (
        <Empty icon="settings" title="The database holds no keys">
          <p>Keys of the environment go on beside those that are made here.</p>
        </Empty>
      )}
      {keys !== null && keys.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label="Table of keys">
          <table class="plain stacked">
            <thead>
              <tr>
                {["Key", "Scopes", "Made", "Expires", "Last used", "Actions"].map((head) => (
                  <th key={head} scope="col">
                    {head}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {keys.map((stored) => (
                <KeyRow key={stored.id} stored={stored} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {making.value && (
        <Dialog title="New key" class="small" onClose={() => (making.value = false)}>
          <NewKey onDone={() => (making.value = false)} />
        </Dialog>
      )}
    </section>
  );
};
