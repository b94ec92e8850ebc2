/**
 * A scan goes on from watermarks, and misses a job that was stored behind them: backdated, or committed late. A sweep from the
 * beginning finds it, so this is how late it is found at most.
 */
const SWEEP_EVERY_MS = 5_000;

/** Where the scans of one queue stand. */
export interface Watermarks {
  /** As the last scan gave them; null: nothing was scanned yet. */
  marks: readonly string[] | null;
  /** When the last sweep began; `-Infinity`: a sweep is owed. */
  sweptAtMs: number;
}

/** What the database says of a scan. */
interface Scanned {
  readonly outcome: "claimed" | "empty" | "full" | "busy" | "paused";
  readonly watermarks: readonly string[] | null;
}

export const unscanned = (): Watermarks => ({ marks: null, sweptAtMs: -Infinity });

export const isSweepDue = ({ sweptAtMs }: Watermarks, nowMs: number): boolean => nowMs - sweptAtMs >= SWEEP_EVERY_MS;

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

/** Ends a scan by what the database said. */
export const endScan = (position: Watermarks, start: readonly string[] | null, scanned: Scanned): void => {
  if (didScan(scanned)) position.marks = scanned.watermarks;
  else missScan(position, start);
};
