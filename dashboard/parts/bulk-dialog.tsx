import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { type Bulk, type BulkAction, bulkRequest, type BulkRequest, createBulk, type Preview } from "../state/bulk.ts";
import { capital, count, plural, shortId } from "../state/format.ts";
import { clearSelection } from "../state/selection.ts";
import { Dialog } from "./dialog.tsx";
import { Skeleton, Trouble } from "./empty.tsx";
import { NumberField } from "./number-field.tsx";

const DONE: Readonly<Record<BulkAction, string>> = {
  retry: "retried",
  cancel: "cancelled",
  delete: "deleted",
  reschedule: "rescheduled",
};

const WHY: Readonly<Record<string, string>> = {
  illegal_state: "in a state that does not allow it",
  stale_life: "changed since the look",
  not_found: "no longer there",
  payload_gone: "its payload is no longer kept",
  unique_key_conflict: "another live job has its unique key",
  queue_full: "the queue is full",
  busy: "in use",
};

/** Above so many the number is typed. */
const TYPED_ABOVE = 1_000;

const What = ({ preview }: { readonly preview: Preview }) => (
  <>
    <table class="plain">
      <thead>
        <tr>
          <th scope="col">Type, queue and error</th>
          <th scope="col" class="num">
            Jobs
          </th>
        </tr>
      </thead>
      <tbody>
        {preview.by.slice(0, 8).map(({ type, queue, error, jobs }, row) => (
          <tr key={row}>
            <td class="wrap">
              <b>{type}</b> in {queue}
              {error !== null && <div class="muted">{`${error.name} ${error.message ?? ""}`.slice(0, 160)}</div>}
            </td>
            <td class="num">{count(jobs)}</td>
          </tr>
        ))}
      </tbody>
    </table>
    {preview.by.length > 8 && <p class="muted">and {plural(preview.by.length - 8, "more group")}</p>}
    <p class="muted wrap">For example {preview.examples.map(({ id }) => shortId(id)).join(", ")}.</p>
  </>
);

const Ask = ({
  bulk,
  request,
  preview,
}: {
  readonly bulk: Bulk;
  readonly request: BulkRequest;
  readonly preview: Preview;
}) => {
  const typed = useSignal("");
  const note = useSignal("");
  const delaySeconds = useSignal("0");
  const isLarge = preview.matched > TYPED_ABOVE;
  const start = (event: SubmitEvent): void => {
    event.preventDefault();
    void bulk.work({
      ...(note.value !== "" && { note: note.value }),
      ...(request.action === "reschedule" && { delay_seconds: Number(delaySeconds.value) }),
    });
  };
  if (preview.matched === 0) return <p>No job is in a state in which this can be done.</p>;
  return (
    <form class="settings" onSubmit={start}>
      <What preview={preview} />
      {request.action === "reschedule" && <NumberField label="Start in so many seconds" value={delaySeconds} />}
      <label class="field">
        <span>Note for the audit log</span>
        <input maxLength={200} value={note.value} onInput={(event) => (note.value = event.currentTarget.value)} />
      </label>
      {isLarge && (
        <label class="field">
          <span>Type {preview.matched} to go on</span>
          <input
            inputMode="numeric"
            value={typed.value}
            onInput={(event) => (typed.value = event.currentTarget.value)}
          />
        </label>
      )}
      <div class="actions">
        <button
          class={request.action === "delete" ? "danger" : "primary"}
          disabled={isLarge && typed.value !== String(preview.matched)}
        >
          {capital(request.action)} {plural(preview.matched, "job")}
        </button>
      </div>
    </form>
  );
};

const sum = (numbers: Iterable<number>): number => [...numbers].reduce((all, n) => all + n, 0);

const Progress = ({ bulk, request }: { readonly bulk: Bulk; readonly request: BulkRequest }) => {
  const stage = bulk.stage.value;
  const matched = bulk.preview.value?.matched ?? 0;
  const skipped = sum(bulk.skipped.value.values());
  const seen = bulk.done.value + skipped;
  return (
    <>
      <div class="progress">
        <progress max={Math.max(1, matched)} value={Math.min(seen, matched)} aria-label="Progress" />
        <span>
          {count(seen)} of {count(matched)}
        </span>
      </div>
      <p role="status">
        {stage === "working" && "Working. Leaving this page stops it."}
        {stage === "stopped" && "Stopped. What is done stays done; start it again to go on."}
        {stage === "done" && `${plural(bulk.done.value, "job")} ${DONE[request.action]}.`}
      </p>
      {skipped > 0 && (
        <ul>
          {[...bulk.skipped.value].map(([code, n]) => (
            <li key={code}>
              {count(n)} skipped: {WHY[code] ?? code}
            </li>
          ))}
        </ul>
      )}
      <div class="actions">
        {stage === "working" && <button onClick={bulk.stop}>Stop</button>}
        {stage !== "working" && <button onClick={() => (bulkRequest.value = null)}>Close</button>}
      </div>
    </>
  );
};

const warn = (event: BeforeUnloadEvent): void => event.preventDefault();

/** Shows what an action is about, asks, and does it in slices. */
export const BulkDialog = ({ request }: { readonly request: BulkRequest }) => {
  const bulk = useMemo(() => createBulk(request), [request]);
  const stage = bulk.stage.value;
  useEffect(() => {
    void bulk.look();
    return bulk.stop;
  }, [bulk]);
  useEffect(() => {
    if (stage === "done") clearSelection();
    if (stage !== "working") return undefined;
    addEventListener("beforeunload", warn);
    return () => removeEventListener("beforeunload", warn);
  }, [stage]);
  const { preview } = bulk;
  return (
    <Dialog title={`${capital(request.action)} ${request.of}`} onClose={() => (bulkRequest.value = null)}>
      <Trouble text={bulk.trouble.value} />
      {stage === "looking" && (
        <>
          <p role="status">Looking: {plural(preview.value?.matched ?? 0, "job")} so far.</p>
          <Skeleton rows={3} />
        </>
      )}
      {stage === "asking" && preview.value !== null && <Ask bulk={bulk} request={request} preview={preview.value} />}
      {(stage === "working" || stage === "stopped" || stage === "done") && <Progress bulk={bulk} request={request} />}
    </Dialog>
  );
};
