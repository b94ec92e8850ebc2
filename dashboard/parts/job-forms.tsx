import { useSignal } from "@preact/signals";
import { actOnJob, type JobAction } from "../state/job-actions.ts";
import { go, hrefOf } from "../state/address.ts";
import type { Job } from "../state/wire.ts";
import { NumberField } from "./number-field.tsx";

interface FormProps {
  readonly job: Job;
  readonly onDone: () => void;
}

/** What is asked before something is done with a job: `edit` is a retry with another payload, `explain` a cancel with a reason. */
export type JobFormName = JobAction | "edit" | "explain";

/** Another payload, of a copy of the job or of its next life. The type's schema checks it. */
const PayloadForm = ({ job, onDone, action }: FormProps & { readonly action: "clone" | "retry" }) => {
  const text = useSignal(JSON.stringify(job.payload, null, 2));
  const trouble = useSignal("");
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    let payload: unknown;
    try {
      payload = JSON.parse(text.value);
    } catch (error) {
      trouble.value = `This is not JSON: ${(error as Error).message}`;
      return;
    }
    const made = await actOnJob(action, job, { payload });
    if (made === undefined || made === null) return;
    onDone();
    if (action === "clone") go(hrefOf(null, { job: made.id }));
  };
  return (
    <form class="field" onSubmit={(event) => void submit(event)}>
      <label for="clone-payload">{action === "clone" ? "Payload of the new job" : "Payload of the next life"}</label>
      <textarea
        id="clone-payload"
        rows={8}
        spellcheck={false}
        value={text.value}
        aria-invalid={trouble.value !== ""}
        aria-describedby="clone-trouble"
        onInput={(event) => (text.value = event.currentTarget.value)}
      />
      <p id="clone-trouble" class="banner bad" role="alert" hidden={trouble.value === ""}>
        {trouble.value}
      </p>
      <div class="actions">
        <button class="primary">{action === "clone" ? "Enqueue the copy" : "Retry with it"}</button>
        <button type="button" onClick={onDone}>
          Never mind
        </button>
      </div>
    </form>
  );
};

const RescheduleForm = ({ job, onDone }: FormProps) => {
  const seconds = useSignal("60");
  const priority = useSignal(String(job.priority));
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const more = { delay_seconds: Number(seconds.value), priority: Number(priority.value) };
    if ((await actOnJob("reschedule", job, more)) !== undefined) onDone();
  };
  return (
    <form class="fields" onSubmit={(event) => void submit(event)}>
      <NumberField label="Start in so many seconds" value={seconds} />
      <NumberField label="Priority, 0 is first" value={priority} max={9} />
      <div class="actions">
        <button class="primary">Reschedule</button>
        <button type="button" onClick={onDone}>
          Never mind
        </button>
      </div>
    </form>
  );
};

const CancelForm = ({ job, onDone }: FormProps) => {
  const reason = useSignal("");
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    if ((await actOnJob("cancel", job, { reason: reason.value })) !== undefined) onDone();
  };
  return (
    <form class="field" onSubmit={(event) => void submit(event)}>
      <label for="cancel-reason">Why the job is cancelled</label>
      <input
        id="cancel-reason"
        required
        maxLength={500}
        value={reason.value}
        onInput={(event) => (reason.value = event.currentTarget.value)}
      />
      <div class="actions">
        <button class="primary">Cancel the job</button>
        <button type="button" onClick={onDone}>
          Never mind
        </button>
      </div>
    </form>
  );
};

const DeleteForm = ({ job, onDone, onGone }: FormProps & { readonly onGone: () => void }) => (
  <div class="banner bad actions" role="group" aria-label="Delete the job">
    <span>All its lives and attempts go, for good.</span>
    <button
      class="danger"
      onClick={() => void actOnJob("delete", job).then((answer) => answer !== undefined && onGone())}
    >
      Delete it
    </button>
    <button onClick={onDone}>Never mind</button>
  </div>
);

/** What an action on a job asks first. */
export const JobForm = ({
  action,
  ...props
}: FormProps & { readonly action: JobFormName; readonly onGone: () => void }) => {
  if (action === "clone" || action === "edit")
    return <PayloadForm {...props} action={action === "edit" ? "retry" : "clone"} />;
  if (action === "explain") return <CancelForm {...props} />;
  if (action === "reschedule") return <RescheduleForm {...props} />;
  return action === "delete" ? <DeleteForm {...props} /> : null;
};
