/** Plots as plain SVG, readable on light and dark pages. */

const WIDTH = 720;
/** As far from white as from a dark page, and so are the colors. */
const INK = "#767d87";
const COLORS: Readonly<Record<string, string>> = { forgeq: "#e8590c", raw: "#98a0a8" };
const LINE_COLORS = ["#e8590c", "#1c7ed6", "#2f9e44", "#ae3ec9", "#d6336c", "#868e96"];

const escape = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

const frame = (height: number, title: string, body: readonly string[]): string =>
  [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="13" fill="${INK}">`,
    `<title>${escape(title)}</title>`,
    `<text x="12" y="24" font-size="15" font-weight="600">${escape(title)}</text>`,
    ...body,
    "</svg>",
    "",
  ].join("\n");

export interface Bar {
  readonly label: string;
  readonly value: number;
  readonly text: string;
}

/** Horizontal bars from zero. */
export const bars = (title: string, list: readonly Bar[]): string => {
  const [left, right, top, step] = [150, 90, 44, 32];
  const most = Math.max(...list.map(({ value }) => value), Number.MIN_VALUE);
  const body = list.flatMap(({ label, value, text }, index) => {
    const y = top + index * step;
    const width = Math.max(1, ((WIDTH - left - right) * value) / most);
    return [
      `<text x="${left - 8}" y="${y + 16}" text-anchor="end">${escape(label)}</text>`,
      `<rect x="${left}" y="${y}" width="${width.toFixed(1)}" height="22" rx="3" fill="${COLORS[label] ?? "#4c6ef5"}"/>`,
      `<text x="${(left + width + 6).toFixed(1)}" y="${y + 16}">${escape(text)}</text>`,
    ];
  });
  return frame(top + list.length * step + 8, title, body);
};

export interface Line {
  readonly label: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** Round values of an axis, from the first at or below `least` to the first at or above `most`: some five of them. */
export const ticksOf = (least: number, most: number): readonly number[] => {
  const rough = (most - least) / 5 || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((each) => each * power >= rough * 0.999) ?? 10);
  const first = Math.floor(least / step);
  return Array.from({ length: Math.ceil(most / step) - first + 1 }, (_, index) =>
    Number(((first + index) * step).toPrecision(12)),
  );
};

/** Lines over linear axes with round ticks; y from zero. */
export const lines = (title: string, xLabel: string, yLabel: string, list: readonly Line[]): string => {
  const [left, top, right, bottom] = [70, 60, WIDTH - 150, 300];
  const points = list.flatMap((line) => line.points);
  const xs = points.map(([x]) => x);
  const [xTicks, yTicks] = [
    ticksOf(Math.min(...xs), Math.max(...xs)),
    ticksOf(0, Math.max(...points.map(([, y]) => y), Number.MIN_VALUE)),
  ];
  const along = (ticks: readonly number[], value: number) => {
    const [least, most] = [ticks[0] ?? 0, ticks.at(-1) ?? 1];
    return (value - least) / (most - least || 1);
  };
  const toX = (x: number) => left + (right - left) * along(xTicks, x);
  const toY = (y: number) => bottom - (bottom - top) * along(yTicks, y);
  const number = (value: number) => value.toLocaleString("en", { maximumSignificantDigits: 6 });
  const body = [
    ...yTicks.flatMap((tick) => {
      const y = toY(tick).toFixed(1);
      return [
        `<line x1="${left}" x2="${right}" y1="${y}" y2="${y}" stroke="${INK}" stroke-opacity="0.3"/>`,
        `<text x="${left - 6}" y="${y}" dy="4" text-anchor="end">${number(tick)}</text>`,
      ];
    }),
    ...xTicks.map((x) => `<text x="${toX(x).toFixed(1)}" y="${bottom + 18}" text-anchor="middle">${number(x)}</text>`),
    `<text x="${(left + right) / 2}" y="${bottom + 38}" text-anchor="middle">${escape(xLabel)}</text>`,
    `<text x="12" y="${top - 10}">${escape(yLabel)}</text>`,
    ...list.flatMap(({ label, points: own }, index) => {
      const color = LINE_COLORS[index % LINE_COLORS.length] ?? INK;
      const path = own.map(([x, y]) => `${toX(x).toFixed(1)},${toY(y).toFixed(1)}`).join(" ");
      return [
        `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="2"/>`,
        `<text x="${right + 12}" y="${top + 16 + index * 20}" fill="${color}">${escape(label)}</text>`,
      ];
    }),
  ];
  return frame(350, title, body);
};
