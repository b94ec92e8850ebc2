import type { WorkerState } from "./worker-state.ts";

/**
 * How many jobs of a queue run concurrently in this process: its places. A queue without a number may have all slots of the worker.
 * It keeps the state's `fullQueues`.
 */
export interface QueuePlaces {
  /** Jobs of this queue that may start; `Infinity` where it has no places of its own. */
  free(queue: string): number;
  /** Jobs have begun, or places are kept for jobs that may come; with a negative number they have ended, or come no more. */
  take(queue: string, jobs: number): void;
}

/** @param onChange - called when a queue has become full, or has a place again */
export const createQueuePlaces = (
  places: ReadonlyMap<string, number>,
  state: Pick<WorkerState, "fullQueues">,
  onChange: () => void,
): QueuePlaces => {
  const taken = new Map([...places.keys()].map((queue) => [queue, 0]));
  const free = (queue: string): number => (places.get(queue) ?? Infinity) - (taken.get(queue) ?? 0);
  return {
    free,
    take: (queue, jobs) => {
      if (!taken.has(queue)) return;
      const wasFull = free(queue) <= 0;
      taken.set(queue, (taken.get(queue) ?? 0) + jobs);
      if (wasFull === free(queue) <= 0) return;
      state.fullQueues = [...places.keys()].filter((each) => free(each) <= 0);
      onChange();
    },
  };
};
