/** The parts that were started, so that they can be stopped. */
export interface Stops {
  /** Notes how the part that was started last is stopped. */
  add(stop: () => Promise<unknown>): void;
  /** Stops all parts, the last one first, once however often it is called. Never throws. */
  stop(): Promise<void>;
}

/** @param onError - hears of a part that could not be stopped; the others are stopped nevertheless */
export const createStops = (onError: (error: unknown) => void): Stops => {
  const stops: (() => Promise<unknown>)[] = [];
  let stopped: Promise<void> | undefined;
  const stopAll = async (): Promise<void> => {
    for (const each of stops.reverse()) await each().catch(onError);
  };
  return {
    add: (stop) => void stops.push(stop),
    stop: () => (stopped ??= stopAll()),
  };
};
