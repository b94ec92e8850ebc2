import { useSignal } from "@preact/signals";
import { patch } from "../state/address.ts";
import { actOnJob } from "../state/job-actions.ts";
import { useActionKeys } from "../state/keyboard.ts";
import { can } from "../state/session.ts";
import { hasEnded, type Job } from "../state/wire.ts";
import { Icon, type IconName } from "./icons.tsx";
import { JobForm, type JobFormName } from "./job-forms.tsx";

interface Offered {
  readonly action: JobFormName;
  readonly label: string;
  readonly icon: IconName;
  readonly primary?: boolean;
}

const offered = (job: Job): readonly Offered[] => {
  const ended = hasEnded(job);
  const waits = job.state === "scheduled" || job.state === "pending";
  return [
    ...(ended ? [{ action: "retry", label: "Retry", icon: "retry", primary: true } as const] : []),
    ...(ended && job.payload !== null
      ? [{ action: "edit", label: "Retry with another payload", icon: "retry" } as const]
      : []),
    ...(ended ? [] : [{ action: "cancel", label: "Cancel", icon: "cancelled" } as const]),
    ...(ended ? [] : [{ action: "explain", label: "Cancel with a reason", icon: "cancelled" } as const]),
    ...(waits ? [{ action: "reschedule", label: "Reschedule", icon: "scheduled" } as const] : []),
    ...(can("jobs:write") && job.payload !== null ? [{ action: "clone", label: "Clone", icon: "copy" } as const] : []),
    ...(ended ? [{ action: "delete", label: "Delete", icon: "trash" } as const] : []),
  ];
};

const asks = (action: JobFormName) => action !== "retry" && action !== "cancel";

/** What can be done with a job in its newest life. */
export const JobActions = ({ job }: { readonly job: Job }) => {
  const form = useSignal<JobFormName | null>(null);
  const manage = can("jobs:manage");
  const run = (action: JobFormName): void => {
    if (asks(action)) form.value = action;
    else void actOnJob(action, job);
  };
  const runNow = () => actOnJob("reschedule", job, { delay_seconds: 0 });
  useActionKeys({
    retry: () => manage && hasEnded(job) && run("retry"),
    cancel: () => manage && !hasEnded(job) && run("cancel"),
  });
  if (!manage) return <p class="muted">Read only: this session may look, and change nothing.</p>;
  return (
    <>
      <div class="actions">
        {offered(job).map(({ action, label, icon, primary }) => (
          <button
            key={action}
            class={primary ? "primary" : ""}
            aria-expanded={asks(action) ? form.value === action : undefined}
            onClick={() => run(action)}
          >
            <Icon name={icon} />
            {label}
          </button>
        ))}
        {job.state === "scheduled" && (
          <button onClick={() => void runNow()}>
            <Icon name="play" />
            Run now
          </button>
        )}
      </div>
      {form.value !== null && (
        <JobForm
          key={form.value}
          action={form.value}
          job={job}
          onDone={() => (form.value = null)}
          onGone={() => patch({ job: null })}
        />
      )}
    </>
  );
};
