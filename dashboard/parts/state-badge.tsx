import type { ListedJob } from "../state/wire.ts";
import { Icon } from "./icons.tsx";

/** A job that waits for its next attempt is scheduled; what matters of it is that one failed. */
const shownState = ({ state, attempt }: Pick<ListedJob, "state" | "attempt">) =>
  state === "scheduled" && attempt > 0 ? "retrying" : state;

export const StateBadge = ({ job }: { readonly job: Pick<ListedJob, "state" | "attempt"> }) => {
  const state = shownState(job);
  return (
    <span class={`state ${state}`}>
      <Icon name={state === "retrying" ? "retry" : state} />
      {state}
    </span>
  );
};
