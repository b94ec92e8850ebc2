/** A chart that can be read without seeing it: a sentence, a cursor that arrow keys move, and a table. */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { clock, day } from "../state/format.ts";
import { BOTTOM, type Frame, LEFT, LETTERS, pointAt, stepOf, TOP, yOf } from "./scale.ts";

export interface Series {
  readonly name: string;
  readonly label: string;
  /** Of a point; null: nothing is known. */
  readonly values: readonly (number | null)[];
  readonly text: (value: number) => string;
  /** In the legend, in place of nothing. */
  readonly total?: string;
}

interface ChartProps {
  readonly id: string;
  readonly title: string;
  readonly subtitle: string;
  /** The beginning of each point. */
  readonly times: readonly number[];
  readonly series: readonly Series[];
  readonly max: number;
  readonly axisText: (value: number) => string;
  readonly sentence: string;
  readonly controls?: ComponentChildren;
  readonly draw: (frame: Frame) => ComponentChildren;
}

const DAY_MS = 86_400_000;

const timeText = (times: readonly number[]) => {
  const spanMs = (times.at(-1) ?? 0) - (times[0] ?? 0);
  return (ms: number): string => (spanMs > 2 * DAY_MS ? day(ms) : clock(ms));
};

const fullText = (times: readonly number[]) => {
  const spanMs = (times.at(-1) ?? 0) - (times[0] ?? 0);
  return (ms: number): string => (spanMs > DAY_MS / 2 ? `${day(ms)} ${clock(ms)}` : clock(ms));
};

const Axes = ({ frame, times, axisText }: { readonly frame: Frame } & Pick<ChartProps, "times" | "axisText">) => {
  const step = stepOf(frame);
  const every = Math.ceil((70 * LETTERS) / step);
  const text = timeText(times);
  return (
    <>
      {[0, 0.5, 1].map((share) => (
        <g key={share}>
          <line
            class="grid"
            x1={LEFT}
            x2={frame.width}
            y1={yOf(frame, frame.max * share)}
            y2={yOf(frame, frame.max * share)}
          />
          <text class="axis" x={LEFT - 8} y={yOf(frame, frame.max * share) + 4 * LETTERS} text-anchor="end">
            {axisText(frame.max * share)}
          </text>
        </g>
      ))}
      {times.map(
        (ms, point) =>
          point % every === Math.floor(every / 2) &&
          (point + 0.5) * step > 20 * LETTERS &&
          (point + 0.5) * step < frame.width - LEFT - 20 * LETTERS && (
            <text
              key={ms}
              class="axis"
              x={LEFT + (point + 0.5) * step}
              y={frame.height - 5 * LETTERS}
              text-anchor="middle"
            >
              {text(ms)}
            </text>
          ),
      )}
    </>
  );
};

const spoken = (series: readonly Series[], point: number): string =>
  series
    .map(({ label, values, text }) => `${label} ${values[point] == null ? "unknown" : text(values[point])}`)
    .join(", ");

const Tip = ({
  series,
  point,
  title,
  right,
}: {
  readonly series: readonly Series[];
  readonly point: number;
  readonly title: string;
  readonly right: boolean;
}) => (
  <div class={`tip ${right ? "right" : "left"}`} aria-hidden="true">
    <b>{title}</b>
    {series.map(({ name, label, values, text }) => (
      <span key={name}>
        <i class={`swatch ${name}`} />
        {label}
        <em>{values[point] == null ? "–" : text(values[point])}</em>
      </span>
    ))}
  </div>
);

const useSize = () => {
  const box = useRef<HTMLDivElement>(null);
  const width = useSignal(760);
  const height = useSignal(230);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      if (entry === undefined) return;
      width.value = Math.max(240, Math.floor(entry.contentRect.width));
      height.value = Math.max(170, Math.min(320, Math.floor(entry.contentRect.height)));
    });
    if (box.current !== null) observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  return { box, width, height };
};

const Plot = ({ times, series, max, axisText, sentence, draw }: ChartProps) => {
  const { box, width, height } = useSize();
  const at = useSignal<number | null>(null);
  const frame: Frame = { width: width.value, height: height.value, points: times.length, max };
  const point = at.value !== null && at.value < times.length ? at.value : null;
  const move = (by: number): void => {
    at.value = Math.max(0, Math.min(times.length - 1, (point ?? (by < 0 ? times.length : -1)) + by));
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "ArrowLeft") move(-1);
    else if (event.key === "ArrowRight") move(1);
    else if (event.key === "Escape" && point !== null) at.value = null;
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const isLast = point === times.length - 1;
  const title = point === null ? "" : `${fullText(times)(times[point] ?? 0)}${isLast ? ", so far" : ""}`;
  return (
    <div class="plot" ref={box}>
      <svg
        width={frame.width}
        height={frame.height}
        role="img"
        aria-label={`${sentence} Arrow keys move a cursor.`}
        tabIndex={0}
        onPointerMove={(event) => (at.value = pointAt(frame, event.offsetX))}
        onPointerLeave={() => (at.value = null)}
        onBlur={() => (at.value = null)}
        onKeyDown={onKeyDown}
      >
        <Axes frame={frame} times={times} axisText={axisText} />
        {point !== null && (
          <rect
            class="cursor"
            x={LEFT + point * stepOf(frame)}
            y={TOP}
            width={stepOf(frame)}
            height={frame.height - TOP - BOTTOM}
          />
        )}
        {draw(frame)}
      </svg>
      {point !== null && <Tip series={series} point={point} title={title} right={point < times.length / 2} />}
      <p class="sr" aria-live="polite">
        {point === null ? "" : `${title}: ${spoken(series, point)}`}
      </p>
    </div>
  );
};

const Table = ({ times, series, title }: ChartProps) => {
  const text = fullText(times);
  return (
    <div class="table" tabIndex={0} role="region" aria-label={title}>
      <table class="plain">
        <thead>
          <tr>
            <th scope="col">Time</th>
            {series.map(({ name, label }) => (
              <th key={name} scope="col" class="num">
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {times
            .map((ms, point) => (
              <tr key={ms}>
                <th scope="row">{text(ms)}</th>
                {series.map(({ name, values, text: valueText }) => (
                  <td key={name} class="num">
                    {values[point] == null ? "–" : valueText(values[point])}
                  </td>
                ))}
              </tr>
            ))
            .reverse()}
        </tbody>
      </table>
    </div>
  );
};

export const Chart = (props: ChartProps) => {
  const asTable = useSignal(false);
  const { id, title, subtitle, series, controls } = props;
  return (
    <section class="card chart" aria-labelledby={id}>
      <header>
        <h2 id={id}>{title}</h2>
        <span class="muted">{subtitle}</span>
        {controls}
        <button class="link" aria-pressed={asTable.value} onClick={() => (asTable.value = !asTable.value)}>
          Table
        </button>
        <ul class="legend">
          {series.map(({ name, label, total }) => (
            <li key={name}>
              <i class={`swatch ${name}`} />
              {label}
              {total !== undefined && <b>{total}</b>}
            </li>
          ))}
        </ul>
      </header>
      {asTable.value ? <Table {...props} /> : <Plot {...props} />}
    </section>
  );
};
