import { useSignal } from "@preact/signals";
import { call, messageOf } from "../state/api.ts";
import { now } from "../state/clock.ts";
import { refresh, useLive } from "../state/live.ts";
import { say } from "../state/toast.ts";
import type { KeyList, ListedKey } from "../state/wire.ts";
import { Dialog } from "./dialog.tsx";
import { Empty, Skeleton, Trouble } from "./empty.tsx";
import { KeyForm } from "./key-form.tsx";
import { type Column, Table } from "./table.tsx";
import { Time } from "./time.tsx";

const stateOf = ({ revoked_at, expires_at }: ListedKey, nowMs: number): "valid" | "revoked" | "expired" => {
  if (revoked_at !== null) return "revoked";
  return expires_at !== null && Date.parse(expires_at) <= nowMs ? "expired" : "valid";
};

const boundTo = ({ types, queues }: ListedKey): string =>
  [types === null ? "all types" : types.join(", "), queues === null ? "all queues" : queues.join(", ")].join("; ");

const revoke = async ({ id, label }: ListedKey): Promise<void> => {
  try {
    await call("DELETE", `keys/${id}`);
    say(`${label} ends within a minute.`);
    void refresh();
  } catch (error) {
    say(messageOf(error));
  }
};

const Revoke = ({ listed }: { readonly listed: ListedKey }) => {
  const sure = useSignal(false);
  const text = sure.value ? "Revoke for good" : "Revoke";
  return (
    <button
      class="danger"
      aria-label={`${text} ${listed.label}`}
      onClick={() => (sure.value ? void revoke(listed) : (sure.value = true))}
    >
      {text}
    </button>
  );
};

const columnsOf = (nowMs: number): readonly Column<ListedKey>[] => [
  {
    head: "Key",
    cell: ({ label, id }) => (
      <>
        {label}
        <div class="muted mono">{id}</div>
      </>
    ),
  },
  {
    head: "State",
    cell: (listed) => {
      const state = stateOf(listed, nowMs);
      return <span class={`state ${state === "valid" ? "completed" : "cancelled"}`}>{state}</span>;
    },
  },
  {
    head: "May",
    class: "wrap",
    cell: (listed) => (
      <>
        {listed.scopes.join(", ")}
        <div class="muted">{boundTo(listed)}</div>
      </>
    ),
  },
  {
    head: "Made",
    class: "wrap",
    cell: ({ created_at, created_by }) => (
      <>
        <Time at={created_at} />
        <div class="muted">by {created_by}</div>
      </>
    ),
  },
  { head: "Expires", cell: ({ expires_at }) => (expires_at === null ? "never" : <Time at={expires_at} />) },
  { head: "Last used", cell: ({ last_used_on }) => last_used_on ?? "never" },
  {
    head: "Actions",
    kind: "actions",
    cell: (listed) => stateOf(listed, nowMs) === "valid" && <Revoke listed={listed} />,
  },
];

/** Keys of the database. Those of the environment are not here: they are changed where they are set. */
export const Keys = () => {
  const { answer, trouble } = useLive<KeyList>("keys?limit=100");
  const making = useSignal(false);
  const keys = answer.value?.data ?? null;
  return (
    <section class="card" aria-labelledby="keys-title">
      <header>
        <h2 id="keys-title">Keys</h2>
        <span class="muted">of the database, not those of FORGEQ_API_KEYS</span>
        <span class="end">
          <button onClick={() => (making.value = true)}>New key</button>
        </span>
      </header>
      <Trouble text={trouble.value} />
      {keys === null && trouble.value === null && <Skeleton rows={3} />}
      {keys?.length === 0 && (
        <Empty icon="settings" title="There are no keys in the database">
          <p>Make one here for each service and each colleague, with no more than it needs.</p>
        </Empty>
      )}
      {keys !== null && keys.length > 0 && (
        <Table label="keys" columns={columnsOf(now.value)} rows={keys} keyOf={({ id }) => id} />
      )}
      {(answer.value?.next_cursor ?? null) !== null && (
        <p class="pad muted">The first {keys?.length} are shown: npx forgeq keys list has all of them.</p>
      )}
      {making.value && (
        <Dialog title="New key" onClose={() => (making.value = false)}>
          <KeyForm onDone={() => (making.value = false)} />
        </Dialog>
      )}
    </section>
  );
};
