import { Empty, Skeleton, Trouble } from "../parts/empty.tsx";
import { ErrorGroups, readOf } from "../parts/error-groups.tsx";
import { Link } from "../parts/link.tsx";
import { Segments } from "../parts/segments.tsx";
import { param } from "../state/address.ts";
import { useLive } from "../state/live.ts";
import type { ErrorList } from "../state/wire.ts";
import { isWindow, WINDOWS } from "../state/windows.ts";

/** Failed attempts as the few errors that they are. */
export const Failures = () => {
  const asked = param("window");
  const shown = isWindow(asked) ? asked : "24h";
  const { answer, trouble } = useLive<ErrorList>(`errors?window=${shown}`, {
    essence: ({ data }) => data.map(({ fingerprint, attempts }) => [fingerprint, attempts]),
  });
  const errors = answer.value;
  return (
    <section class="card" aria-labelledby="groups-title">
      <header>
        <h2 id="groups-title">Errors</h2>
        <span class="muted">{errors !== null && readOf(errors)}</span>
        <span class="end">
          <Segments label="Window" name="window" options={Object.keys(WINDOWS)} shown={shown} fallback="24h" />
        </span>
      </header>
      <Trouble text={trouble.value} />
      {errors === null && trouble.value === null && <Skeleton />}
      {errors?.data.length === 0 && (
        <Empty icon="completed" title="No attempt has failed">
          <p>Nothing failed in {WINDOWS[shown].windowText}.</p>
          {shown !== "30d" && (
            <Link page={null} params={{ window: "30d" }} class="button">
              Look at 30 days
            </Link>
          )}
        </Empty>
      )}
      {errors !== null && errors.data.length > 0 && <ErrorGroups groups={errors.data} />}
    </section>
  );
};
