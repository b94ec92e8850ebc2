/**
 * A scan goes on from watermarks, and misses a job that was stored behind them: backdated, or committed late. A sweep from the
 * beginning finds it, so this is how late it is found at most.
 */
const SWEEP_EVERY_MS = 5_000;
/** A sweep costs a twentieth of the time between two at most: in a large or bloated queue it comes less often. */
const PAUSE_PER_SWEEP = 20;
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
}

/** What the database says of a scan. */
interface Scanned {
  readonly outcome: "claimed" | "empty" | "full" | "busy" | "paused";
  readonly watermarks: readonly string[] | null;
}

export const unscanned = (): Watermarks => ({ marks: null, sweptAtMs: -Infinity, sweepMs: 0 });

export const isSweepDue = ({ sweptAtMs, sweepMs }: Watermarks, nowMs: number): boolean =>
  nowMs - sweptAtMs >= Math.max(SWEEP_EVERY_MS, PAUSE_PER_SWEEP * sweepMs);

/** Begins a scan. @returns where it starts; null: a sweep, from the beginning */
export const beginScan = (position: Watermarks, nowMs: number, sweeps: boolean): readonly string[] | null => {
  if (!sweeps) return position.marks;
  position.sweptAtMs = nowMs;
  return null;
};

/** Nothing was scanned. What a sweep was to see, the next scan has to: it sweeps. @param start - as `beginScan` gave it */
export const missScan = (position: Watermarks, start: readonly string[] | null): void => {
  if (start === null) position.sweptAtMs = -Infinity;
};

/** Whether the database scanned anything: it does not where a queue is full or paused, or somebody else is claiming. */
export const didScan = ({ outcome }: Pick<Scanned, "outcome">): boolean => outcome === "claimed" || outcome === "empty";

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
};
