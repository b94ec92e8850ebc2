import type { JobDefinition } from "../../core/job.ts";

/** Jobs of one type in this process. */
interface Slots {
  readonly limit: number;
  running: number;
  /** Begin those that the limit keeps waiting. */
  readonly waiting: (() => void)[];
}

/** How many jobs of each type run concurrently in one process. */
export interface TypeSlots {
  /** Calls `start` when the type has a slot: immediately, or when another job of it ends. */
  begin(type: string, start: () => void): void;
  /** A job that was started has ended. @returns whether another job can be taken that could not until now */
  end(type: string): boolean;
  /** Starts all that waits, whatever the limits. */
  startAll(): void;
}

/** Concurrent jobs of a type in one process: only a type that says less than its batch has such a limit. */
export const limitOf = ({ concurrency, batchSize }: JobDefinition): number =>
  concurrency < batchSize ? concurrency : Infinity;

const isRunnable = ({ running, waiting, limit }: Slots): boolean => running + waiting.length < limit;

/** @param onRunnable - told the types of which another job can run now: at first, and when they change */
export const createTypeSlots = (
  limits: ReadonlyMap<string, number>,
  onRunnable: (types: readonly string[]) => void,
): TypeSlots => {
  const types = new Map(
    [...limits].map(([type, limit]): [string, Slots] => [type, { limit, running: 0, waiting: [] }]),
  );
  const slotsOf = (type: string): Slots => {
    const slots = types.get(type);
    if (slots === undefined) throw new Error(`there is no handler of type ${type}`);
    return slots;
  };
  const tell = (): void => onRunnable([...types].flatMap(([type, slots]) => (isRunnable(slots) ? [type] : [])));
  const start = (slots: Slots, begin: () => void): void => {
    slots.running += 1;
    begin();
  };
  tell();

  return {
    begin: (type, begin) => {
      const slots = slotsOf(type);
      const was = isRunnable(slots);
      if (slots.running < slots.limit) start(slots, begin);
      else slots.waiting.push(begin);
      if (isRunnable(slots) !== was) tell();
    },
    end: (type) => {
      const slots = slotsOf(type);
      const was = isRunnable(slots);
      slots.running -= 1;
      const next = slots.waiting.shift();
      if (next !== undefined) start(slots, next);
      const unblocked = !was && isRunnable(slots);
      if (unblocked) tell();
      return unblocked;
    },
    startAll: () => {
      for (const slots of types.values()) for (const begin of slots.waiting.splice(0)) start(slots, begin);
    },
  };
};
