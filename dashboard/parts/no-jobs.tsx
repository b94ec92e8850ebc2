import { param, patch } from "../state/address.ts";
import { instant } from "../state/format.ts";
import { Empty } from "./empty.tsx";
import { currentTerms } from "./filter-bar.tsx";

const EMPTY: Readonly<Record<string, string>> = {
  dead: "Nothing has failed for good",
  running: "Nothing runs right now",
  pending: "Nothing waits: every due job has been taken",
  scheduled: "Nothing is planned",
  leased: "Nothing is on its way to a handler",
  cancelled: "Nothing was cancelled",
  completed: "Nothing has completed yet",
};

/** Why the list is empty. */
export const NoJobs = ({ searchedTo }: { readonly searchedTo: string | null }) => {
  if (searchedTo !== null)
    return (
      <Empty title="Nothing among the newest jobs">
        <p>
          Looked back to {instant(searchedTo)}. Older jobs are searched a piece at a time, so that a search never slows
          the queue.
        </p>
      </Empty>
    );
  if (currentTerms().length > 0)
    return (
      <Empty title="No job fits">
        <p>Nothing that is kept matches the filter.</p>
        <button onClick={() => patch({ q: null })}>Clear the filter</button>
      </Empty>
    );
  const state = param("state");
  if (state !== "")
    return (
      <Empty title={EMPTY[state] ?? "No jobs"}>
        <button onClick={() => patch({ state: null })}>Show jobs in every state</button>
      </Empty>
    );
  return (
    <Empty title="No jobs yet">
      <p>Enqueue the first one:</p>
      <pre>{`npx forgeq enqueue --type send_email --payload '{"email":"test@example.com"}'`}</pre>
    </Empty>
  );
};
