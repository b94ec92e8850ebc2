import type { ComponentChildren } from "preact";
import { clock, compact, count, duration } from "../state/format.ts";
import type { StatsPoint } from "../state/wire.ts";
import { Chart, type Series } from "./chart.tsx";
import { type Frame, LEFT, niceMax, stepOf, yOf } from "./scale.ts";

type Counts = Pick<StatsPoint, "at" | "completed" | "failed" | "dead">;

const OUTCOMES = [
  ["completed", "Completed"],
  ["failed", "Retried"],
  ["dead", "Dead"],
] as const;

/** The attempt that a job dies by is a failed one, too: each is drawn once. */
const apart = (points: readonly StatsPoint[]): readonly Counts[] =>
  points.map(({ at, completed, failed, dead }) => ({ at, completed, dead, failed: Math.max(0, failed - dead) }));

const total = (points: readonly Counts[], outcome: "completed" | "failed" | "dead"): number =>
  points.reduce((sum, point) => sum + point[outcome], 0);

const sentenceOf = (points: readonly Counts[], windowText: string): string => {
  const [completed, failed, dead] = OUTCOMES.map(([name]) => count(total(points, name)));
  const worst = points.reduce<Counts | null>(
    (a, b) => (b.failed + b.dead > (a === null ? 0 : a.failed + a.dead) ? b : a),
    null,
  );
  const most =
    worst === null ? "" : ` Most failures at ${clock(Date.parse(worst.at))}: ${count(worst.failed + worst.dead)}.`;
  return `In ${windowText} ${completed} jobs completed, ${failed} attempts failed and were retried, and ${dead} jobs died.${most}`;
};

/** Failures are seen also where they are few. */
const LEAST_PIXELS = 1.5;

const Bars = ({ points, frame }: { readonly points: readonly Counts[]; readonly frame: Frame }) => {
  const step = stepOf(frame);
  const width = Math.max(2, step - Math.max(1, step * 0.22));
  return (
    <>
      {points.map((point, index) => {
        let base = 0;
        return OUTCOMES.map(([name]) => {
          const n = point[name];
          if (n <= 0) return null;
          const bottom = yOf(frame, base);
          base += n;
          const least = name === "completed" ? 0 : LEAST_PIXELS;
          return (
            <rect
              key={`${point.at}${name}`}
              class={`bar ${name} ${index === points.length - 1 ? "under-way" : ""}`}
              x={LEFT + index * step + (step - width) / 2}
              width={width}
              y={yOf(frame, base)}
              height={Math.max(least, bottom - yOf(frame, base))}
            />
          );
        });
      })}
    </>
  );
};

interface OverTime {
  readonly points: readonly StatsPoint[];
  /** "the last hour" */
  readonly windowText: string;
  /** "a minute" */
  readonly stepText: string;
  readonly controls?: ComponentChildren;
}

/** Stacked bars: what became of jobs and attempts. */
export const Throughput = ({ points: counted, windowText, stepText, controls }: OverTime) => {
  const points = apart(counted);
  const series: readonly Series[] = OUTCOMES.map(([name, label]) => ({
    name,
    label,
    values: points.map((point) => point[name]),
    text: count,
    total: compact(total(points, name)),
  }));
  return (
    <Chart
      id="throughput-title"
      title="Throughput"
      subtitle={stepText}
      times={points.map(({ at }) => Date.parse(at))}
      series={series}
      max={niceMax(Math.max(10, ...points.map(({ completed, failed, dead }) => completed + failed + dead)))}
      axisText={(n) => compact(Math.round(n))}
      sentence={sentenceOf(points, windowText)}
      controls={controls}
      draw={(frame) => <Bars points={points} frame={frame} />}
    />
  );
};

/** A line has a gap where nothing began. */
const pathOf = (values: readonly (number | null)[], frame: Frame): string => {
  let path = "";
  let drawing = false;
  for (const [index, value] of values.entries()) {
    if (value !== null) {
      const x = (LEFT + (index + 0.5) * stepOf(frame)).toFixed(1);
      const y = yOf(frame, value).toFixed(1);
      path += drawing ? `L${x} ${y}` : `M${x} ${y}h0.01`;
    }
    drawing = value !== null;
  }
  return path;
};

const WAITS = [
  ["p50", "Median"],
  ["p95", "95th percentile"],
] as const;

/** How long jobs wait from when they are due until they begin. */
export const Waits = ({ points, windowText, stepText }: OverTime) => {
  const series: readonly Series[] = WAITS.map(([name, label]) => ({
    name,
    label,
    values: points.map(({ wait }) => wait[name]),
    text: (seconds) => duration(seconds * 1_000),
  }));
  const known = series.flatMap(({ values }) => values.filter((value) => value !== null));
  const worst = Math.max(0, ...known);
  return (
    <Chart
      id="waits-title"
      title="Wait"
      subtitle={`of jobs that began, ${stepText}`}
      times={points.map(({ at }) => Date.parse(at))}
      series={series}
      max={niceMax(Math.max(0.1, worst))}
      axisText={(seconds) => duration(seconds * 1_000)}
      sentence={
        known.length === 0
          ? `In ${windowText} no job began.`
          : `In ${windowText} 95 % of the jobs that began had waited less than ${duration(worst * 1_000)} at worst.`
      }
      draw={(frame) =>
        series.map(({ name, values }) => <path key={name} class={`curve ${name}`} d={pathOf(values, frame)} />)
      }
    />
  );
};
