import { useSignal } from "@preact/signals";
import { Copy } from "./copy.tsx";

const OPEN_DEPTH = 2;
const OPEN_ENTRIES = 40;
const MOST_ENTRIES = 500;
const MOST_CHARACTERS = 2_000;

const Leaf = ({ value }: { readonly value: unknown }) => {
  const text = JSON.stringify(value) ?? "undefined";
  return (
    <span class={`j-${value === null ? "null" : typeof value}`}>
      {text.slice(0, MOST_CHARACTERS)}
      {text.length > MOST_CHARACTERS && <span class="muted"> … {text.length} characters: copy it to see all</span>}
    </span>
  );
};

interface NodeProps {
  readonly name: string | null;
  readonly value: unknown;
  readonly depth: number;
}

const Node = ({ name, value, depth }: NodeProps) => {
  const label = name !== null && <span class="j-key">{name}: </span>;
  if (typeof value !== "object" || value === null)
    return (
      <div>
        {label}
        <Leaf value={value} />
      </div>
    );
  const list = Array.isArray(value);
  const entries = Object.entries(value as Readonly<Record<string, unknown>>);
  const [open, close] = list ? ["[", "]"] : ["{", "}"];
  if (entries.length === 0)
    return (
      <div>
        {label}
        {open + close}
      </div>
    );
  return (
    <details open={depth < OPEN_DEPTH && entries.length <= OPEN_ENTRIES}>
      <summary>
        {label}
        <span class="muted">
          {open}
          {entries.length}
          {close}
        </span>
      </summary>
      <div class="j-in">
        {entries.slice(0, MOST_ENTRIES).map(([key, each]) => (
          <Node key={key} name={list ? null : key} value={each} depth={depth + 1} />
        ))}
        {entries.length > MOST_ENTRIES && (
          <div class="muted">{entries.length - MOST_ENTRIES} more: copy it to see all</div>
        )}
      </div>
    </details>
  );
};

/** A value as a tree or as text. Nothing of it is ever markup or an address. */
export const Json = ({
  title,
  value,
  hidden,
}: {
  readonly title: string;
  readonly value: unknown;
  readonly hidden: boolean;
}) => {
  const raw = useSignal(false);
  const text = JSON.stringify(value, null, 2) ?? "undefined";
  return (
    <section class="json" aria-label={title}>
      <header>
        <h3>{title}</h3>
        {!hidden && (
          <>
            <button class="link" aria-pressed={raw.value} onClick={() => (raw.value = !raw.value)}>
              Raw
            </button>
            <Copy text={text} label={`Copy ${title.toLowerCase()}`} />
          </>
        )}
      </header>
      {hidden ? (
        <p class="muted">Hidden for this key: it lacks the scope payloads:read.</p>
      ) : (
        <div class="code" tabIndex={0} role="group" aria-label={title}>
          {raw.value ? <pre>{text}</pre> : <Node name={null} value={value} depth={0} />}
        </div>
      )}
    </section>
  );
};
