/**
 * A scan goes on from watermarks, and misses a job that was stored behind them: backdated, or committed late. A sweep from the
 * beginning finds it, so this is how late it is found at most.
 */
const SWEEP_EVERY_MS = 5_000;
/** A sweep costs a twentieth of the time between two at most: in a large or bloated queue it comes less often. */
const PAUSE_PER_SWEEP = 20;
/** A sweep that jobs of other types cut off goes on by one part in so long: between two parts an idle worker scans from its watermarks. */
const SWEEP_PART_EVERY_MS = 10_000;
/** While more jobs wait than scans bring, a scan continues where the last one ended; so often one sees what has committed late. See docs/adr/0016. */
export const WIDE_EVERY_MS = 100;

/** Where the scans of one queue stand. */
export interface Watermarks {
  /** As the last scan gave them; null: nothing was scanned yet. */
  marks: readonly string[] | null;
  /** When the last sweep began; `-Infinity`: a sweep is owed. */
  sweptAtMs: number;
  /** How long the last sweep took. */
  sweepMs: number;
  /**
   * Where a sweep goes on that jobs of types which the caller can't run have cut off; null: none was cut off. What is above it and
   * below the watermarks was scanned before, so it need not be passed over quickly again.
   */
  sweepFrom: readonly string[] | null;
  /** While a sweep is cut off: the watermarks as its last part but one, and its last part, found them. Scans begin at the older ones, for what commits late. */
  lateMarks: readonly [readonly string[], readonly string[]] | null;
}

/** What the database says of a scan. */
interface Scanned {
  readonly outcome: "claimed" | "empty" | "full" | "busy" | "paused";
  readonly watermarks: readonly string[] | null;
  readonly more: boolean;
}

export const unscanned = (): Watermarks => ({
  marks: null,
  sweptAtMs: -Infinity,
  sweepMs: 0,
  sweepFrom: null,
  lateMarks: null,
});

export const isSweepDue = ({ sweptAtMs, sweepMs, sweepFrom }: Watermarks, nowMs: number): boolean =>
  nowMs - sweptAtMs >= Math.max(sweepFrom === null ? SWEEP_EVERY_MS : SWEEP_PART_EVERY_MS, PAUSE_PER_SWEEP * sweepMs);

/** Begins a scan. @returns where it starts; null: from the beginning */
export const beginScan = (position: Watermarks, nowMs: number, sweeps: boolean): readonly string[] | null => {
  if (!sweeps) return position.lateMarks?.[0] ?? position.marks;
  position.sweptAtMs = nowMs;
  return position.sweepFrom;
};

/** Nothing was scanned. What a sweep was to see, the next scan has to: it sweeps. @param start - null: it was a sweep */
export const missScan = (position: Watermarks, start: readonly string[] | null): void => {
  if (start === null) position.sweptAtMs = -Infinity;
};

/** Whether the database scanned anything: it does not where a queue is full or paused, or somebody else is claiming. */
export const didScan = ({ outcome }: Pick<Scanned, "outcome">): boolean => outcome === "claimed" || outcome === "empty";

/** It found nothing, and passed over a bounded number of jobs of types that the caller can't run: more lie behind them. */
export const isCutOffByBlock = ({ outcome, more }: Pick<Scanned, "outcome" | "more">): boolean =>
  outcome === "empty" && more;

/** Ends a scan by what the database said. @param tookMs - milliseconds that its statement took */
export const endScan = (
  position: Watermarks,
  start: readonly string[] | null,
  scanned: Scanned,
  tookMs: number,
): void => {
  if (!didScan(scanned)) return missScan(position, start);
  position.marks = scanned.watermarks;
  if (start === null) position.sweepMs = tookMs;
  if (isCutOffByBlock(scanned)) position.lateMarks = null;
};

const UNSCANNED = "-infinity";

/** Ends a sweep that has scanned. One that was cut off by jobs of other types goes on when its next part is due: the watermarks stay. */
export const endSweep = (
  position: Watermarks,
  scanned: Scanned & { readonly continued?: readonly string[] | null },
  tookMs: number,
): void => {
  const { marks, lateMarks } = position;
  position.sweepMs = tookMs;
  // A scan that its size cuts off says where to continue.
  if (scanned.more && !scanned.continued && marks !== null) {
    position.sweepFrom = scanned.watermarks;
    position.lateMarks = [lateMarks?.[1] ?? marks, marks];
    return;
  }
  position.sweepFrom = position.lateMarks = null;
  // Priorities that a sweep which was cut off by its size did not come to keep theirs.
  position.marks = scanned.watermarks?.map((mark, n) => (mark === UNSCANNED ? (marks?.[n] ?? mark) : mark)) ?? null;
};
