import { now } from "../state/clock.ts";
import { instant, relative } from "../state/format.ts";

/** An instant as people say it, and in full when it is pointed at. */
export const Time = ({ at }: { readonly at: string | number }) => {
  const ms = typeof at === "string" ? Date.parse(at) : at;
  return (
    <time dateTime={new Date(ms).toISOString()} title={instant(ms)}>
      {relative(ms, now.value)}
    </time>
  );
};
