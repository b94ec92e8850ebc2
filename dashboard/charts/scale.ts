/** From numbers to places on a chart. */

const STEPS = [1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10];

/** The end of an axis: a round number that is not smaller. */
export const niceMax = (n: number): number => {
  const power = 10 ** Math.floor(Math.log10(Math.max(Number.MIN_VALUE, n)));
  return STEPS.map((step) => step * power).find((each) => each >= n) ?? n;
};

/** Letters of 14 pixels are 1. */
export const LETTERS = parseFloat(getComputedStyle(document.documentElement).fontSize) / 14;

export const TOP = 10 * LETTERS;
export const BOTTOM = 22 * LETTERS;
export const LEFT = 54 * LETTERS;

export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly points: number;
  readonly max: number;
}

export const yOf = ({ height, max }: Frame, n: number): number => TOP + (height - TOP - BOTTOM) * (1 - n / max);

export const stepOf = ({ width, points }: Frame): number => (width - LEFT) / Math.max(1, points);

/** The point under a pointer, or null beside the chart. */
export const pointAt = (frame: Frame, x: number): number | null => {
  const point = Math.floor((x - LEFT) / stepOf(frame));
  return point < 0 || point >= frame.points ? null : point;
};
