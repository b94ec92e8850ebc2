import { now } from "../state/clock.ts";
import { relative } from "../state/format.ts";
import { activity, answeredAtMs, pause, quietUntilMs, wake } from "../state/live.ts";
import type { Activity } from "../state/pace.ts";
import { Icon } from "./icons.tsx";

const WORDS: Readonly<Record<Activity, string>> = {
  live: "Live",
  paused: "Paused",
  hidden: "Paused while hidden",
  idle: "Paused: nobody is here",
  asleep: "Asleep",
  failing: "No answer: asking again",
};

const detail = (state: Activity): string => {
  const until = quietUntilMs.value;
  if (state === "asleep" && until !== null)
    return until === Infinity ? "nothing is planned" : `next event ${relative(until, now.value)}`;
  return answeredAtMs.value === null ? "" : relative(answeredAtMs.value, now.value);
};

/** Whether what is shown is fresh, and if not, why. */
export const LiveStatus = () => {
  const state = activity.value;
  const runs = state === "live" || state === "failing";
  return (
    <div class={`live ${state}`}>
      <i class="dot" />
      <span role="status">{WORDS[state]}</span>
      <span class="muted ago">{detail(state)}</span>
      <button class="ghost" onClick={runs ? pause : wake} aria-label={runs ? "Pause updates" : "Update now and go on"}>
        <Icon name={runs ? "pause" : "play"} />
      </button>
    </div>
  );
};
