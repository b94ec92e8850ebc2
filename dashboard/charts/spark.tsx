const WIDTH = 96;
const HEIGHT = 24;

/** A curve beside a number that says the same. */
export const Spark = ({
  values,
  class: extra = "",
}: {
  readonly values: readonly number[];
  readonly class?: string;
}) => {
  const max = Math.max(1, ...values);
  const last = Math.max(1, values.length - 1);
  const points = values
    .map(
      (value, index) =>
        `${((index / last) * WIDTH).toFixed(1)},${(HEIGHT - 2 - (value / max) * (HEIGHT - 4)).toFixed(1)}`,
    )
    .join(" ");
  return (
    <svg class={`spark ${extra}`} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <polyline class="fill" points={`0,${HEIGHT} ${points} ${WIDTH},${HEIGHT}`} />
      <polyline points={points} />
    </svg>
  );
};

/** A part of a whole as a bar, beside the number. */
export const Share = ({ part, class: extra = "share" }: { readonly part: number; readonly class?: string }) => (
  <svg class={extra} viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">
    <rect width={Math.max(0, Math.min(100, part * 100))} height="1" />
  </svg>
);
